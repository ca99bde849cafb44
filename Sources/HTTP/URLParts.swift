/// The parts of a web address. It may come from a user or from a server: nothing in it is trusted.
package struct URLParts: Equatable, Sendable {
  package enum Scheme: String, Sendable {
    case http, https

    package var standardPort: Int { self == .http ? 80 : 443 }
  }

  package var scheme: Scheme
  /// In lower case; an IPv6 address is in brackets.
  package var host: String
  /// 1 to 65535; the scheme's own if the address has none.
  package var port: Int
  /// As it is sent: percent-encoded, and beginning with a slash.
  package var path: String
  /// What follows `?`.
  package var query: String?
  /// What follows `#`; it is never sent.
  package var fragment: String?

  /// A longer address is refused.
  package static var mostBytes: Int { 16 << 10 }

  /// Splits an address.
  ///
  /// - Throws: `HTTPError` with the code `impossible` if it is not one of http or https, or not
  ///   percent-encoded. The message does not repeat it, since it may hold a password.
  package init(_ text: String) throws(HTTPError) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.mostBytes else { throw Self.problem("is too long") }
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else {
      throw Self.problem("has a character that must be percent-encoded")
    }
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased()),
      bytes[(colon + 1)...].starts(with: "//".utf8)
    else { throw Self.problem("must begin with https:// or http://") }
    let rest = bytes[(colon + 3)...]
    let end = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
    self.scheme = scheme
    (host, port) = try Self.splitAuthority(rest[..<end], scheme)
    (path, query, fragment) = Self.splitTarget(rest[end...])
    if !path.utf8.starts(with: "/".utf8) { path = "/" + path }
  }

  /// The address without its fragment, as it is sent.
  package var text: String {
    "\(scheme.rawValue)://\(authority)\(path)" + (query.map { "?\($0)" } ?? "")
  }

  /// The host, with the port if that is not the scheme's own: what the header Host says.
  package var authority: String { port == scheme.standardPort ? host : "\(host):\(port)" }

  /// Whether both are answered by the same server.
  package func hasSameOrigin(as other: URLParts) -> Bool {
    scheme == other.scheme && host == other.host && port == other.port
  }

  /// The address that a reference in an answer means (RFC 3986, section 5.2).
  ///
  /// - Throws: `HTTPError` with the code `impossible`, as the initializer does.
  package func resolving(_ reference: String) throws(HTTPError) -> URLParts {
    let reference = Self.encodingStrayBytes(reference)
    let bytes = Array(reference.utf8)
    let end = bytes.firstIndex { "/?#".utf8.contains($0) } ?? bytes.count
    if bytes[..<end].contains(UInt8(ascii: ":")) { return try URLParts(reference) }
    if bytes.starts(with: "//".utf8) { return try URLParts("\(scheme.rawValue):\(reference)") }
    guard bytes.count <= Self.mostBytes else { throw Self.problem("is too long") }
    let target = Self.splitTarget(bytes[...])
    var result = self
    result.fragment = target.fragment
    guard !target.path.isEmpty else {
      if target.query != nil { result.query = target.query }
      return try URLParts(result.text)
    }
    result.query = target.query
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? "/"
    let isAbsolute = target.path.utf8.first == UInt8(ascii: "/")
    result.path = Self.removingDots(isAbsolute ? target.path : folder + target.path)
    return try URLParts(result.text)
  }

  /// Host and port.
  private static func splitAuthority(
    _ bytes: ArraySlice<UInt8>, _ scheme: Scheme
  ) throws(HTTPError) -> (host: String, port: Int) {
    guard !bytes.contains(UInt8(ascii: "@")) else {
      throw problem("must not contain a user name or a password")
    }
    var hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
    if bytes.first == UInt8(ascii: "[") {
      guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else {
        throw problem("has no valid host name")
      }
      hostEnd = bracket + 1
    }
    let host = String(decoding: bytes[..<hostEnd], as: UTF8.self).lowercased()
    guard isHost(host) else { throw problem("has no valid host name") }
    var digits = bytes[hostEnd...]
    guard !digits.isEmpty else { return (host, scheme.standardPort) }
    guard digits.removeFirst() == UInt8(ascii: ":") else {
      throw problem("has no valid host name")
    }
    if digits.isEmpty { return (host, scheme.standardPort) }
    guard digits.count <= 5, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      let port = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(port)
    else { throw problem("has no valid port") }
    return (host, port)
  }

  private static func isHost(_ host: String) -> Bool {
    guard !host.isEmpty, host.utf8.count <= 255 else { return false }
    if host.utf8.first == UInt8(ascii: "[") {
      let address = host.utf8.dropFirst().dropLast()
      return address.contains(UInt8(ascii: ":"))
        && address.allSatisfy { "0123456789abcdef:.".utf8.contains($0) }
    }
    return host.utf8.allSatisfy {
      $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x7a || "-._".utf8.contains($0)
    }
  }

  private static func splitTarget(
    _ bytes: ArraySlice<UInt8>
  ) -> (path: String, query: String?, fragment: String?) {
    let hash = bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex
    let question = bytes[..<hash].firstIndex(of: UInt8(ascii: "?")) ?? hash
    return (
      String(decoding: bytes[..<question], as: UTF8.self),
      question < hash ? String(decoding: bytes[(question + 1)..<hash], as: UTF8.self) : nil,
      hash < bytes.endIndex ? String(decoding: bytes[(hash + 1)...], as: UTF8.self) : nil
    )
  }

  /// Applies the steps `.` and `..` (RFC 3986, section 5.2.4).
  private static func removingDots(_ path: String) -> String {
    var kept: [Substring] = []
    let steps = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for (index, step) in steps.enumerated() {
      let isLast = index == steps.count - 1
      switch step {
      case ".":
        if isLast { kept.append("") }
      case "..":
        _ = kept.popLast()
        if isLast { kept.append("") }
      default: kept.append(step)
      }
    }
    return "/" + kept.joined(separator: "/")
  }

  /// Servers write spaces and letters beyond ASCII into the header Location.
  private static func encodingStrayBytes(_ text: String) -> String {
    let hexadecimal = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      if byte == 0x20 || byte >= 0x80 {
        result += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func problem(_ reason: String) -> HTTPError {
    HTTPError(.impossible, "the URL \(reason)")
  }
}
