import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct SignatureV4Tests {
  /// A request with the `Authorization` that two other programs give it.
  private struct Case: Decodable {
    var method, url, body, access, secret, region, service, botocore, awscrt: String
    var headers: [[String]]
    var token: String?
    var time: Int
  }

  @Test func signaturesAreThoseOfBotocoreAndAWSCRT() throws {
    let count = 10_000
    let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".build/python/bin/python3").path
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("signatures.py").path
    let lines = try Tool.check([python, script, "20", "\(count)"]).output
      .split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == count)
    let decoder = JSONDecoder()
    for line in lines {
      let wanted = try decoder.decode(Case.self, from: Data(line))
      let request = HTTPRequest(
        try #require(HTTPRequest.Method(rawValue: wanted.method)), url: wanted.url,
        headers: wanted.headers.map { HTTPHeader($0[0], $0[1]) },
        body: HTTPBody(Array(wanted.body.utf8)))
      let signature = SignatureV4(
        credentials: try Credentials(
          accessKey: wanted.access, secret: wanted.secret, token: wanted.token, from: "a test"),
        region: wanted.region, service: try #require(.init(rawValue: wanted.service)),
        time: wanted.time)
      let signed = try signature.sign(request).authorization
      guard signed == wanted.botocore, signed == wanted.awscrt else {
        Issue.record("\(wanted.method) \(wanted.url) \(wanted.headers): \(signed)")
        return
      }
    }
  }

  /// From AWS's documentation of the signature: "GET Object".
  @Test func theDocumentedExample() throws {
    let signature = SignatureV4(
      credentials: try Credentials(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        from: "a test"),
      region: "us-east-1", service: .s3, time: 1_369_353_600)
    let request = HTTPRequest(
      url: "https://examplebucket.s3.amazonaws.com/test.txt",
      headers: [HTTPHeader("Range", "bytes=0-9")])
    #expect(
      try signature.sign(request).authorization
        == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  /// Servers decode what they get, and encode it again in their way.
  @Test(arguments: [
    ("https://host/a=b(c)~'", "https://host/a%3Db%28c%29~%27"),
    ("https://host/a+b%2b", "https://host/a%2Bb%2B"),
    ("https://host", "https://host/"),
    ("https://host?uploads", "https://host/?uploads="),
    ("https://host/?prefix=a/b&list-type=2", "https://host/?list-type=2&prefix=a%2Fb"),
    ("https://host:443/a", "https://host/a"),
    ("http://host:/a", "http://host:80/a"),
  ])
  func formsOfOneURLHaveOneSignature(url: String, encoded: String) throws {
    let signature = try signature()
    let first = try signature.sign(HTTPRequest(url: url))
    #expect(first.authorization == (try signature.sign(HTTPRequest(url: encoded))).authorization)
    #expect(first.url == url)
  }

  @Test func aSecondSignatureReplacesTheFirst() throws {
    var signature = try signature()
    let once = try signature.sign(HTTPRequest(url: "https://host/a"))
    #expect(try signature.sign(once).headers == once.headers)
    signature.region = "eu-west-1"
    #expect(try signature.sign(once).headers.count == once.headers.count)
    #expect(try signature.sign(once).authorization != once.authorization)
  }

  @Test(arguments: [
    "", "host/key", "ftp://host/", "https://", "https:///key", "https://user:word@host/",
    "https://host/#part", "https://host/a b", "https://host/ä", "https://host:0/",
    "https://host:65536/", "https://host:a/", "https://ho\nst/", "https://[::1/", "https://[]/",
    "https://[::1]a/",
  ])
  func whatIsNoURLIsRefused(url: String) throws {
    let signature = try signature()
    #expect(throws: StoreError.self) { try signature.sign(HTTPRequest(url: url)) }
  }

  private func signature() throws -> SignatureV4 {
    SignatureV4(
      credentials: try Credentials(
        accessKey: "AKIA", secret: "secret", token: "token", from: "a test"),
      region: "us-east-1", service: .s3, time: 1_700_000_000)
  }
}

extension HTTPRequest {
  fileprivate var authorization: String {
    headers.first { $0.name == "Authorization" }?.value ?? ""
  }
}
