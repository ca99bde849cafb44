/// The file archive of a Debian package, extracted from the ar archive that the package is.
final class DebianData: ByteInput {
  private let input: PushbackInput
  /// The number of bytes left in it.
  private var rest: Int64
  private(set) var position: Int64 = 0

  private static let mark = Array("!<arch>\n".utf8)
  private static let headerSize = 60

  /// Whether a package begins here: deb(5).
  static func begins(_ input: PushbackInput) throws -> Bool {
    try input.peek(mark.count + headerSize).starts(with: mark + Array("debian-binary".utf8))
  }

  /// - Parameter input: positioned at the start of the package.
  /// - Throws: `SourceError` for a package without files.
  init(_ input: PushbackInput, path: [UInt8]) throws {
    self.input = input
    try input.skip(upTo: Int64(Self.mark.count))
    while true {
      let header = Array(try input.peek(Self.headerSize))
      guard header.count == Self.headerSize, header.suffix(2).elementsEqual("`\n".utf8),
        let size = Self.number(header[48..<58])
      else {
        throw SourceError(
          header.count < Self.headerSize ? .cutOff : .damaged, path: path,
          "a Debian package without files: it has no data.tar",
          hint: SourceError.fetchAgain)
      }
      input.skip(Self.headerSize)
      if header.starts(with: "data.tar".utf8) {
        rest = size
        return
      }
      // Each member begins at an even offset.
      try input.skip(upTo: size + size % 2)
    }
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    Int64(String(decoding: field.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self))
      .flatMap { $0 >= 0 ? $0 : nil }
  }

  func next() throws -> UnsafeRawBufferPointer {
    guard rest > 0 else {
      // Signatures may follow.
      _ = try input.drain()
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let bytes = try input.next()
    let count = Int(min(rest, Int64(bytes.count)))
    rest -= Int64(count)
    position += Int64(count)
    if count < bytes.count { input.unread(UnsafeRawBufferPointer(rebasing: bytes[count...])) }
    return UnsafeRawBufferPointer(rebasing: bytes[..<count])
  }
}
