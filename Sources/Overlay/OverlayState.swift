internal import Glibc
public import Posix

/// What is remembered of an overlay from run to run: the directories in which links were put, so
/// that they can be found when the overlay has them no more, and those that were made for them.
///
/// It is written before anything is done: a run that is killed leaves no link that is not known.
public struct OverlayState: Equatable, Sendable {
  /// Paths below the root of the tree, and whether the directory was made.
  public var directories: [[UInt8]: Bool] = [:]

  public init() {}

  private static let title = Array("autosquash overlay 1".utf8)

  /// Reads a file; there being none is no error.
  ///
  /// - Throws: `SystemError` when it cannot be read, or is no such file.
  public init(path: [UInt8]) throws(SystemError) {
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(path, limit: 1 << 30, followsLinks: false)
    } catch {
      if error.code == ENOENT { return }
      throw error
    }
    // A path may hold any byte but NUL.
    let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.first?.elementsEqual(Self.title) == true else {
      throw SystemError("read the list of linked directories", path: path, code: EBADMSG)
    }
    for part in parts.dropFirst() where !part.isEmpty {
      directories[Array(part.dropFirst())] = part.first == UInt8(ascii: "+")
    }
  }

  /// Writes the file; a crash leaves the old one or the new one.
  public func write(to path: [UInt8]) throws(SystemError) {
    var bytes = Self.title + [0]
    for (directory, isMade) in directories.sorted(by: {
      $0.key.lexicographicallyPrecedes($1.key)
    }) {
      bytes.append(isMade ? UInt8(ascii: "+") : UInt8(ascii: "="))
      bytes += directory + [0]
    }
    try SmallFile.write(bytes, to: path, mode: 0o644)
  }
}
