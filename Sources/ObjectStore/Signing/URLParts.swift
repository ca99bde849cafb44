/// The parts of an `http` or `https` URL, as they stand in it.
struct URLParts: Equatable {
  var isSecure: Bool
  /// A name, an IPv4 address, or an IPv6 address in brackets.
  var host: String
  /// `nil` for the scheme's own.
  var port: Int?
  /// Empty, or from the first slash on.
  var path: String
  /// Without the question mark.
  var query: String?

  /// - Returns: `nil` unless the URL is one of these: printable ASCII, without a user or a fragment.
  init?(_ url: String) {
    guard url.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), !url.utf8.contains(0x23) else {
      return nil
    }
    var rest = Array(url.utf8)[...]
    func dropPrefix(_ prefix: String) -> Bool {
      guard rest.prefix(prefix.utf8.count).map({ $0 | 0x20 }) == prefix.utf8.map({ $0 | 0x20 })
      else { return false }
      rest = rest.dropFirst(prefix.utf8.count)
      return true
    }
    if dropPrefix("https://") {
      isSecure = true
    } else if dropPrefix("http://") {
      isSecure = false
    } else {
      return nil
    }
    let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    let tail = rest[authority.endIndex...]
    let path = tail.prefix { $0 != UInt8(ascii: "?") }
    self.path = String(decoding: path, as: UTF8.self)
    query =
      path.endIndex == tail.endIndex
      ? nil : String(decoding: tail[path.endIndex...].dropFirst(), as: UTF8.self)
    guard let (host, port) = Self.split(authority) else { return nil }
    self.host = host
    self.port = port == (isSecure ? 443 : 80) ? nil : port
  }

  /// The value of the header `Host`.
  var authority: String { port.map { "\(host):\($0)" } ?? host }

  private static func split(_ authority: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
    var host = authority.prefix { $0 != UInt8(ascii: ":") }
    if authority.first == UInt8(ascii: "[") {
      guard let end = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      host = authority[...end]
      guard host.count > 2,
        host.dropFirst().dropLast().allSatisfy({ isHexadecimal($0) || $0 == 0x3a || $0 == 0x2e })
      else { return nil }
    } else {
      guard !host.isEmpty, host.allSatisfy(isOfName) else { return nil }
    }
    var rest = authority[host.endIndex...]
    var port: Int?
    if rest.popFirst() != nil {
      // An empty port means the scheme's own.
      guard authority[host.endIndex] == UInt8(ascii: ":"), rest.count <= 5,
        rest.allSatisfy({ (0x30...0x39).contains($0) })
      else { return nil }
      if !rest.isEmpty {
        let number = rest.reduce(0) { 10 * $0 + Int($1 - 0x30) }
        guard (1...65_535).contains(number) else { return nil }
        port = number
      }
    }
    return (String(decoding: host, as: UTF8.self), port)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    Character(Unicode.Scalar(byte)).isHexDigit
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
