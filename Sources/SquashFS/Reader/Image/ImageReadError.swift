package import SquashFSFormat

/// Why an image, or a part of it, cannot be read.
public struct ImageReadError: Error, CustomStringConvertible {
  /// The kinds of errors, for programs.
  public enum Code: Sendable {
    /// The system could not provide the bytes.
    case unreadable
    /// The file is something else.
    case notAnImage
    /// The image is of a kind that this program does not read.
    case unsupported
    /// The bytes are invalid.
    case damaged
    /// The image has nothing of the requested kind under that path.
    case notFound
  }

  /// The kind of error.
  public var code: Code
  /// The position in the file, in bytes, if known.
  public var offset: UInt64?
  /// What is wrong.
  public var message: String

  package init(_ code: Code, at offset: UInt64? = nil, _ message: String) {
    self.code = code
    self.offset = offset
    self.message = message
  }

  /// The message, and the position if known.
  public var description: String { offset.map { "\(message) (at byte \($0))" } ?? message }

  /// An error for damage at an offset.
  static func damaged(at offset: UInt64?, _ message: String) -> ImageReadError {
    ImageReadError(.damaged, at: offset, message)
  }
}

extension ImageReadError {
  /// The error for a superblock's problem.
  init(_ problem: Superblock.Problem, at offset: UInt64) {
    switch problem {
    case .empty:
      self.init(
        .damaged, at: offset,
        "the superblock is empty: the program that made this image did not finish")
    case .unfinished:
      self.init(
        .damaged, at: offset,
        "the magic number is missing: the program that appended to this image did not finish"
      )
    case .notSquashFS: self.init(.notAnImage, at: offset, "not a SquashFS image")
    case .foreign(let format): self.init(format, at: offset)
    case .version(let major, let minor):
      self.init(
        .unsupported, at: offset,
        "SquashFS version \(major).\(minor); Linux and this program read 4.0")
    case .blockSize(let size, let log):
      self.init(
        .damaged, at: offset,
        "will not mount: a block size of \(size) bytes with the logarithm \(log)")
    case .compressor(let id):
      self.init(.unsupported, at: offset, "unknown compressor number \(id)")
    }
  }

  /// The error for an image in another format.
  package init(_ format: ForeignFormat, at offset: UInt64) {
    self.init(
      .unsupported, at: offset,
      "\(format.name), which neither Linux nor this program reads; \(format.tool) may unpack it, and "
        + "pack makes an image of the result")
  }
}
