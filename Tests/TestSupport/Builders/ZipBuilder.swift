/// Writes zip archives byte by byte, all members stored.
public struct ZipBuilder {
  private var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var members = 0

  public init() {}

  /// Appends a member.
  public mutating func add(_ name: String, _ content: [UInt8], mode: UInt32 = 0o100644) {
    let name = Array(name.utf8)
    let sum = Self.crc(content)
    let common: [UInt8] =
      Self.number(0, 2) + Self.number(0, 2) + Self.number(0, 2) + Self.number(0x5821, 2)
      + Self.number(sum, 4) + Self.number(UInt32(content.count), 4)
      + Self.number(UInt32(content.count), 4) + Self.number(UInt32(name.count), 2)
      + Self.number(0, 2)
    directory += [0x50, 0x4b, 1, 2] + Self.number(0x314, 2) + Self.number(10, 2) + common
    directory += Self.number(0, 2) + Self.number(0, 2) + Self.number(0, 2)
    directory += Self.number(mode << 16, 4) + Self.number(UInt32(bytes.count), 4) + name
    bytes += [0x50, 0x4b, 3, 4] + Self.number(10, 2) + common + name + content
    members += 1
  }

  /// The archive with its directory.
  public func finished() -> [UInt8] {
    let end: [UInt8] =
      [0x50, 0x4b, 5, 6] + Self.number(0, 4) + Self.number(UInt32(members), 2)
      + Self.number(UInt32(members), 2) + Self.number(UInt32(directory.count), 4)
      + Self.number(UInt32(bytes.count), 4) + Self.number(0, 2)
    return bytes + directory + end
  }

  private static func number(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xedb8_8320) }
    }
  }
}
