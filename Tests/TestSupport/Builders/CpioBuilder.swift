/// Writes cpio archives byte by byte, including odd and broken ones.
public struct CpioBuilder {
  public enum Form: Sendable {
    /// 070701, and 070702 with a checksum.
    case new, checked
    /// 070707, all in octal digits.
    case odc
  }

  public let form: Form
  public private(set) var bytes: [UInt8] = []

  public init(_ form: Form) { self.form = form }

  /// Appends a member.
  public mutating func add(
    _ name: String, _ content: String = "", inode: Int, links: Int = 2, mtime: Int = 1_000_000_000,
    mode: Int = 0o100644, checksum: Int? = nil
  ) {
    let name = Array(name.utf8) + [0]
    let content = Array(content.utf8)
    func number(_ value: Int, _ width: Int, _ radix: Int) -> [UInt8] {
      let text = String(value, radix: radix)
      return Array((String(repeating: "0", count: width - text.utf8.count) + text).utf8)
    }
    if form == .odc {
      let fields = [1, inode % (1 << 18), mode, 0, 0, links, 0].flatMap { number($0, 6, 8) }
      bytes += Array("070707".utf8) + fields + number(mtime, 11, 8) + number(name.count, 6, 8)
      bytes += number(content.count, 11, 8) + name + content
      return
    }
    let sum = checksum ?? content.reduce(0) { $0 + Int($1) }
    let fields = [
      inode, mode, 0, 0, links, mtime, content.count, 8, 1, 0, 0, name.count,
      form == .checked ? sum : 0,
    ]
    bytes += Array((form == .checked ? "070702" : "070701").utf8)
    bytes += fields.flatMap { number($0, 8, 16) } + name
    pad()
    bytes += content
    pad()
  }

  private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }

  /// The archive with its trailer.
  public func finished() -> [UInt8] {
    var whole = self
    whole.add("TRAILER!!!", inode: 0, links: 1, mtime: 0, mode: 0)
    return whole.bytes
  }
}
