/// The headers of one tar member, read again for what libarchive hides: names as bytes in pax
/// records (it converts them), global pax headers (it skips them), unknown types.
///
/// Layout: POSIX.1-2017, pax, "pax Header Block" and "ustar Interchange Format".
struct TarHeaders {
  /// Whether a member header begins here that is cut off after its magic number.
  static func isCut(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count < block && bytes.count >= 262 && bytes[257..<262].elementsEqual("ustar".utf8)
  }

  /// Records of global headers so far: each holds until a later one overrides it.
  private(set) var global: [[UInt8]: [UInt8]] = [:]
  /// Records for the current member only.
  private(set) var local: [[UInt8]: [UInt8]] = [:]
  /// The current member's type; `nil` if its header could not be read again.
  private(set) var type: UInt8?

  /// The number of bytes according to the current member's own header, if it says.
  private(set) var size: Int?

  /// The position of the current member's own header.
  private(set) var position: Int64 = 0

  /// Whether all records of the current member's headers could be parsed. libarchive's warning
  /// about those that could not is lost when it also warns about something else.
  private(set) var areWellFormed = true

  static let block = 512
  /// The keys passed to `record` and `globalOnly`: global records stay in memory, so other keys
  /// could take any amount of it.
  private static let asked = [
    "GNU.sparse.name", "path", "linkpath", "uid", "gid", "mtime", "RHT.security.selinux",
  ].map { Array($0.utf8) }

  /// Whether a member begins here: a block with a correct checksum.
  static func isHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= block, bytes[0] != 0 else { return false }
    let digits = bytes[148..<156].drop { $0 == UInt8(ascii: " ") }
      .prefix { (0x30...0x37).contains($0) }
    guard let sum = Int(String(decoding: digits, as: UTF8.self), radix: 8) else { return false }
    // Some writers summed bytes as signed numbers.
    var (unsigned, signed) = (8 * 32, 8 * 32)
    for index in 0..<block where !(148..<156).contains(index) {
      unsigned += Int(bytes[index])
      signed += Int(Int8(bitPattern: bytes[index]))
    }
    return sum == unsigned || sum == signed
  }

  /// Reads the headers of the member at `position`.
  mutating func read(at position: Int64, in window: StreamWindow) {
    local.removeAll(keepingCapacity: true)
    type = nil
    size = nil
    areWellFormed = true
    self.position = position
    while let header = window.slice(at: self.position, count: Self.block),
      header.count == Self.block
    {
      let base = header.startIndex
      let flag = header[base + 156]
      guard
        [
          UInt8(ascii: "g"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "L"),
          UInt8(ascii: "K"), UInt8(ascii: "V"),
        ].contains(flag)
      else {
        type = flag
        size = Self.number(header[(base + 124)..<(base + 136)])
        return
      }
      guard let size = Self.number(header[(base + 124)..<(base + 136)]), size <= 64 << 20,
        let body = window.slice(at: self.position + Int64(Self.block), count: size),
        body.count == size
      else { return }
      switch flag {
      case UInt8(ascii: "g"):
        areWellFormed = Self.parse(body, into: &global, only: Self.asked) && areWellFormed
      case UInt8(ascii: "x"), UInt8(ascii: "X"):
        areWellFormed = Self.parse(body, into: &local) && areWellFormed
      default: break
      }
      self.position += Int64(Self.block + (size + Self.block - 1) / Self.block * Self.block)
    }
  }

  /// The record in effect for the current member.
  func record(_ key: StaticString) -> [UInt8]? {
    let name = Array(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    return local[name] ?? global[name]
  }

  /// A record of a global header that no record of the member overrides.
  func globalOnly(_ key: StaticString) -> [UInt8]? {
    let name = Array(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    return local[name] == nil ? global[name] : nil
  }

  /// The digits before a decimal point, as a number.
  static func integer(_ text: [UInt8]) -> Int64? {
    Int64(String(decoding: text.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
  }

  /// Parses records of the form "LENGTH KEY=VALUE\n".
  ///
  /// - Returns: whether all are well formed, apart from zeros at the end; those before a malformed
  ///   one are kept.
  private static func parse(
    _ body: ArraySlice<UInt8>, into records: inout [[UInt8]: [UInt8]], only keys: [[UInt8]]? = nil
  ) -> Bool {
    var rest = body
    while let first = rest.first, first != 0 {
      guard let space = rest.prefix(20).firstIndex(of: UInt8(ascii: " ")),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
        length > space - rest.startIndex + 1, length <= rest.count
      else { return false }
      let record = rest[(space + 1)..<(rest.startIndex + length)]
      rest = rest.dropFirst(length)
      guard record.last == UInt8(ascii: "\n"),
        let equals = record.firstIndex(of: UInt8(ascii: "="))
      else { return false }
      let key = Array(record[..<equals])
      if let keys, !keys.contains(key) { continue }
      let value = Array(record[(equals + 1)..<(record.endIndex - 1)])
      records[key] = value.isEmpty ? nil : value  // an empty value revokes a record
    }
    return true
  }

  /// A number in octal digits, or in GNU's binary form.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if let first = field.first, first & 0x80 != 0 {
      var value = Int(first & 0x7f)
      for byte in field.dropFirst() {
        guard value < 1 << 48 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { (0x30...0x37).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }
}
