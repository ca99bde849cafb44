import Posix

/// The kind of a file that should have been an image, judged by its first bytes, for messages.
public struct FileKind: Sendable {
  /// With its article: "a tar archive compressed with gzip".
  public let name: String
  /// The start of the command that lists its files; `nil` if there is none.
  public let lister: String?
  /// Whether it can be packed into an image.
  public let isSource: Bool
  /// Other advice: a sentence without its full stop.
  public let advice: String?

  private init(_ name: String, lister: String? = nil, isSource: Bool = false, advice: String? = nil)
  {
    self.name = name
    self.lister = lister
    self.isSource = isSource
    self.advice = advice
  }

  /// - Parameter path: a file or a disk; not a pipe, whose bytes would be lost.
  /// - Returns: `nil` if the kind is unknown or the file unreadable.
  public init?(of path: [UInt8]) {
    guard let file = try? FileInput(path: path) else { return nil }
    var stream = PushbackInput(file)
    if let start = try? stream.peek(Self.longestStart),
      let mark = Self.marks.first(where: { $0.isAtStart(of: start) })
    {
      self = mark.kind
      return
    }
    var compressions: [StreamFormat] = []
    var kind = try? stream.kind()
    while case .compressed(let format) = kind, compressions.count < Self.mostCompressions {
      compressions.append(format)
      guard let unpacked = try? format.unpacked(stream, path: path) else { break }
      stream = PushbackInput(unpacked)
      kind = try? stream.kind()
    }
    let suffix =
      compressions.isEmpty
      ? "" : "compressed with \(compressions.reversed().map(\.rawValue).joined(separator: " and "))"
    switch kind {
    case .compressed, .squashFS, nil:
      guard !suffix.isEmpty else { return nil }
      self =
        kind == .squashFS
        ? FileKind("a file \(suffix) that holds an image", advice: "unpack it first")
        : FileKind("a file \(suffix)")
    case .zip where path.suffix(6).elementsEqual(".conda".utf8):
      self.init("a conda package", lister: "unzip -l")
    case .some(let kind):
      self.init(kind, suffix: suffix.isEmpty ? "" : " " + suffix, isNested: compressions.count > 1)
    }
  }

  /// - Parameter isNested: whether it is compressed more than once, which GNU tar cannot unpack.
  private init(_ kind: StreamKind, suffix: String, isNested: Bool) {
    switch kind {
    case .zip: self.init(kind.name, lister: "unzip -l", isSource: suffix.isEmpty)
    case .rpm: self.init(kind.name, lister: "rpm -qlp")
    case .tar where !isNested: self.init(kind.name + suffix, lister: "tar -tf", isSource: true)
    default: self.init(kind.name + suffix, lister: "bsdtar -tf", isSource: true)
    }
  }

  /// The most layers of compression to look through.
  private static let mostCompressions = 8

  /// Bytes at an offset that identify a kind of file.
  private struct Mark: Sendable {
    let offset: Int
    let bytes: [UInt8]
    let kind: FileKind

    init(_ text: String, _ kind: FileKind) { self.init(at: 0, Array(text.utf8), kind) }

    init(at offset: Int, _ bytes: [UInt8], _ kind: FileKind) {
      self.offset = offset
      self.bytes = bytes
      self.kind = kind
    }

    func isAtStart(of start: UnsafeRawBufferPointer) -> Bool {
      start.dropFirst(offset).starts(with: bytes)
    }
  }

  /// The most bytes any mark reaches.
  private static let longestStart = 2048

  private static let marks: [Mark] = [
    Mark(
      "!<arch>\ndebian-binary", FileKind("a Debian package", lister: "dpkg-deb -c", isSource: true)),
    Mark("#mtree", FileKind("an mtree(5) list of files")),
    // Type 2 of the AppImage specification: a program with an image behind it.
    Mark(
      at: 8, [0x41, 0x49, 0x02], FileKind("an AppImage", lister: "autosquash ls --offset auto")),
    Mark("\u{7f}ELF", FileKind("a program")),
    Mark("#!", FileKind("a script")),
    Mark("<?xml", answer("an XML document")), Mark("<Error>", answer("an XML document")),
    Mark("<!DOCTYPE html", answer("a web page")), Mark("<!doctype html", answer("a web page")),
    Mark("<html", answer("a web page")),
    Mark(
      "version https://git-lfs.github.com/spec/",
      FileKind("a Git LFS pointer", advice: "\"git lfs pull\" fetches the file")),
    // Superblocks of Linux's file systems: fs/ext4/ext4.h, fs/erofs/erofs_fs.h, fs/cramfs.
    Mark(at: 1024 + 56, [0x53, 0xef], FileKind("an ext2, ext3 or ext4 file system")),
    Mark(at: 1024, [0xe2, 0xe1, 0xf5, 0xe0], FileKind("an EROFS file system")),
    Mark(at: 0, [0x45, 0x3d, 0xcd, 0x28], FileKind("a cramfs file system")),
    Mark(at: 0, [0x51, 0x46, 0x49, 0xfb], FileKind("a QCOW disk image")),
  ]

  /// A failed download leaves its error message under the file's name.
  private static func answer(_ name: String) -> FileKind {
    FileKind(name, advice: "a server may have sent it instead of the file; download it again")
  }
}
