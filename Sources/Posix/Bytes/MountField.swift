extension ArraySlice<UInt8> {
  /// The bytes that a field of a table of mounts stands for: in /proc/self/mountinfo and /etc/fstab
  /// blanks, tabs, newlines and backslashes are written as three octal digits.
  public var decodingMountField: [UInt8] {
    var bytes: [UInt8] = []
    var rest = self
    while let byte = rest.first {
      let digits = rest.dropFirst().prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(4)
      } else {
        bytes.append(byte)
        rest = rest.dropFirst()
      }
    }
    return bytes
  }
}
