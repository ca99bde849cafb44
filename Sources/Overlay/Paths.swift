/// Paths as bytes.
extension [UInt8] {
  /// The path of a name in this directory; the name alone where this is empty.
  func appending(_ name: [UInt8]) -> [UInt8] {
    isEmpty ? name : self + [UInt8(ascii: "/")] + name
  }

  /// Directory and name.
  var cut: (parent: [UInt8], name: [UInt8]) {
    guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return ([], self) }
    return (Array(self[..<slash]), Array(self[(slash + 1)...]))
  }

  /// Whether the name is `.` or `..`.
  var isDots: Bool { elementsEqual(".".utf8) || elementsEqual("..".utf8) }
}
