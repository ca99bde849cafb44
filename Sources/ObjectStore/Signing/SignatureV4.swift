package import HTTP
import Posix

/// AWS Signature Version 4 in headers, with the digest of the body.
package struct SignatureV4: Sendable {
  package enum Service: String, Sendable {
    case s3
    case sts
  }

  package var credentials: Credentials
  package var region: String
  package var service: Service
  /// In seconds since 1970.
  package var time: Int

  package init(credentials: Credentials, region: String, service: Service, time: Int) {
    self.credentials = credentials
    self.region = region
    self.service = service
    self.time = time
  }

  /// The request with the headers that prove who sends it; earlier ones of these are replaced.
  ///
  /// The URL goes out as it is, with its host in small letters. Its path and query should be encoded by `PercentEncoding`: that is
  /// what the server makes of them before it checks the signature.
  ///
  /// - Throws: `StoreError` if the URL is none of the web, or the body cannot be read.
  package func sign(_ request: HTTPRequest) throws(StoreError) -> HTTPRequest {
    guard let url = try? URLParts(request.url), url.fragment == nil else {
      throw StoreError(.invalid, "the address is not a URL of the web")
    }
    var digest = request.body.sha256
    if digest == nil { digest = try BodyDigests.sha256(of: request.body) }
    let payload = Self.hexadecimal(digest ?? [])
    let stamp = Timestamp.compact(time)
    var signed = request
    signed.headers.removeAll { Self.added.contains($0.name.lowercased()) }
    signed.headers.append(HTTPHeader("x-amz-date", stamp))
    if service == .s3 { signed.headers.append(HTTPHeader("x-amz-content-sha256", payload)) }
    if let token = credentials.token {
      signed.headers.append(HTTPHeader("x-amz-security-token", token))
    }
    let headers = Self.canonicalHeaders(signed.headers, host: url.authority)
    let names = headers.map(\.name).joined(separator: ";")
    let canonical =
      [request.method.rawValue, Self.canonicalPath(url.path), Self.canonicalQuery(url.query ?? "")]
      + headers.map { "\($0.name):\($0.value)" } + ["", names, payload]
    let scope = "\(stamp.prefix(8))/\(region)/\(service.rawValue)/aws4_request"
    let canonicalDigest = Self.hexadecimal(
      SHA256.digest(of: Array(canonical.joined(separator: "\n").utf8)))
    let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(canonicalDigest)"
    let key = scope.split(separator: "/").reduce(Array("AWS4\(credentials.secret)".utf8)) {
      SHA256.authentication(of: Array($1.utf8), key: $0)
    }
    let signature = Self.hexadecimal(SHA256.authentication(of: Array(text.utf8), key: key))
    signed.headers.append(
      HTTPHeader(
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), SignedHeaders=\(names), "
          + "Signature=\(signature)"))
    return signed
  }

  /// The headers that signing adds.
  private static let added: Set = [
    "authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token",
  ]

  /// Other headers that are signed, besides all of `x-amz-`: a proxy may change the rest.
  private static let alsoSigned: Set = [
    "content-md5", "content-type", "if-match", "if-none-match", "range",
  ]

  private static func canonicalHeaders(
    _ headers: [HTTPHeader], host: String
  ) -> [(name: String, value: String)] {
    var values = ["host": host]
    for header in headers {
      let name = header.name.lowercased()
      guard name.hasPrefix("x-amz-") || alsoSigned.contains(name) else { continue }
      let value = header.value.utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) }
        .joined(separator: " ")
      values[name] = values[name].map { "\($0),\(value)" } ?? value
    }
    return values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { ($0.key, $0.value) }
  }

  /// Encoded once, and without a look at `.` and `//`: keys may contain them.
  private static func canonicalPath(_ path: String) -> String {
    path.isEmpty
      ? "/" : PercentEncoding.encode(PercentEncoding.decode(path.utf8), keepsSlashes: true)
  }

  private static func canonicalQuery(_ query: String) -> String {
    let pairs = query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      let value = pair[name.endIndex...].dropFirst()
      return [name, value].map { PercentEncoding.encode(PercentEncoding.decode($0)) }
    }
    // By name, then by value, both encoded: not the same order as that of the joined pairs.
    return pairs.sorted {
      $0[0] == $1[0]
        ? $0[1].utf8.lexicographicallyPrecedes($1[1].utf8)
        : $0[0].utf8.lexicographicallyPrecedes($1[0].utf8)
    }.map { $0.joined(separator: "=") }.joined(separator: "&")
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.hexadecimal, as: UTF8.self)
  }
}
