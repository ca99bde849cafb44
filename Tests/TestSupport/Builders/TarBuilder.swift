import Posix

/// Writes tar archives byte by byte, including odd and broken ones.
public struct TarBuilder {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Appends a member with a ustar header.
  public mutating func add(
    _ name: String, type: Character = "0", _ content: [UInt8] = [], mode: Int = 0o644,
    uid: Int = 1000, gid: Int = 1000, mtime: Int = 1_600_000_000, link: String = "",
    device: (Int, Int) = (0, 0), size: Int? = nil, magic: String = "ustar\u{0}00"
  ) {
    add(
      Array(name.utf8), type: type, content, mode: mode, uid: uid, gid: gid, mtime: mtime,
      link: Array(link.utf8), device: device, size: size, magic: magic)
  }

  /// Appends a member whose names need not be UTF-8.
  public mutating func add(
    _ name: [UInt8], type: Character = "0", _ content: [UInt8] = [], mode: Int = 0o644,
    uid: Int = 1000, gid: Int = 1000, mtime: Int = 1_600_000_000, link: [UInt8] = [],
    device: (Int, Int) = (0, 0), size: Int? = nil, magic: String = "ustar\u{0}00"
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ field: [UInt8], at offset: Int) {
      header.replaceSubrange(offset..<offset + field.count, with: field)
    }
    func octal(_ value: Int, _ width: Int) -> [UInt8] {
      Array((String(value, radix: 8).leftPadded(to: width - 1, with: "0") + "\u{0}").utf8)
    }
    put(Array(name.prefix(100)), at: 0)
    put(octal(mode, 8), at: 100)
    put(octal(uid, 8), at: 108)
    put(octal(gid, 8), at: 116)
    put(octal(size ?? content.count, 12), at: 124)
    put(
      mtime < 0
        ? [0xff] + (0..<11).map { UInt8(truncatingIfNeeded: mtime >> (80 - 8 * $0)) }
        : octal(mtime, 12), at: 136)
    header[156] = type.asciiValue!
    put(Array(link.prefix(100)), at: 157)
    put(Array(magic.utf8), at: 257)
    put(octal(device.0, 8), at: 329)
    put(octal(device.1, 8), at: 337)
    put(Array(repeating: UInt8(ascii: " "), count: 8), at: 148)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(Array((String(sum, radix: 8).leftPadded(to: 6, with: "0") + "\u{0} ").utf8), at: 148)
    bytes += header + content
    bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// Appends a pax header for the next member, or a global one.
  public mutating func addPax(_ records: [(String, [UInt8])], isGlobal: Bool = false) {
    var body: [UInt8] = []
    for (key, value) in records {
      let rest = 1 + key.utf8.count + 1 + value.count + 1
      var length = rest + 1
      while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
      body += Array("\(length) \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    }
    add(isGlobal ? "pax_global_header" : "PaxHeaders/x", type: isGlobal ? "g" : "x", body)
  }

  /// The archive with its end: two blocks of zeros by default.
  public func finished(endBlocks: Int = 2) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: 512 * endBlocks)
  }
}
