extension [UInt8] {
  /// The bytes as one shell word to paste into a command: quoted where necessary, always
  /// printable.
  public var shellWord: String {
    func isPlain(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "/._-+:@%".utf8.contains(byte)
      }
    }
    let text = escapedName
    if !isEmpty, first != UInt8(ascii: "-"), allSatisfy(isPlain) { return text }
    // Nothing was escaped and there is no quotation mark: plain quotes do.
    if text.utf8.elementsEqual(self), !contains(UInt8(ascii: "'")) { return "'\(text)'" }
    return "$'"
      + map { byte in
        (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
          ? String(Unicode.Scalar(byte))
          : "\\" + String(byte, radix: 8).leftPadded(to: 3, with: "0")
      }.joined() + "'"
  }
}
