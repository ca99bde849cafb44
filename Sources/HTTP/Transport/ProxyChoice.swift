/// The proxies that the environment names. libcurl reads most of it by itself.
enum ProxyChoice {
  /// The proxy for http that libcurl leaves out: it ignores the name in capital letters, because web
  /// servers set HTTP_PROXY for their programs from a header that any client may send. The AWS tools
  /// take both names.
  static func missedByLibcurl(environment: (String) -> String?) -> String? {
    guard environment("http_proxy") == nil, environment("REQUEST_METHOD") == nil else { return nil }
    return environment("HTTP_PROXY")
  }

  /// Whether there is a proxy for a scheme; some servers may be exempt from it.
  static func isNamed(for scheme: URLParts.Scheme, environment: (String) -> String?) -> Bool {
    let names = [scheme.rawValue, "all"].map { "\($0)_proxy" }
    return (names + names.map { $0.uppercased() }).contains { environment($0) != nil }
  }
}
