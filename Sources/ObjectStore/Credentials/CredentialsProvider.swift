import HTTP
import Posix

/// Knows one place where credentials may be.
protocol CredentialsProvider: Sendable {
  /// The place, for messages.
  var name: String { get }
  /// The name, with the reason if nobody asks there.
  var tried: String { get }
  /// Whether it may have others later.
  var canChange: Bool { get }

  /// - Returns: `nil` if nothing there is set up.
  /// - Throws: `StoreError` if something is, and does not work.
  func find() throws(StoreError) -> Credentials?

  /// The region of the machine that this place belongs to.
  func region() -> String?
}

extension CredentialsProvider {
  var tried: String { name }

  func region() -> String? { nil }
}

extension HTTPClient {
  /// Sends a request, and a second time if there was no answer or the server failed.
  func sendTwice(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    do throws(HTTPError) {
      let answer = try send(request)
      if answer.status < 500 { return answer }
    } catch {
      guard error.code == .unreachable else { throw error }
    }
    return try send(request)
  }
}

extension Credentials {
  /// From the JSON that a service or a program answers.
  ///
  /// - Parameters:
  ///   - token: the name of the token's member.
  ///   - isToken: whether there must be one.
  ///   - origin: where they come from, for people, if that is not `source`.
  init(
    json: [UInt8], token: String, needsToken: Bool, from source: String, origin: String? = nil
  ) throws(StoreError) {
    guard let members = FlatJSON.members(json) else {
      throw StoreError(.credentials, "\(source) did not answer with a flat object of JSON")
    }
    if let code = members["Code"], code != "Success" {
      throw StoreError(.credentials, "\(source) has no credentials: \(code.shortened)")
    }
    guard let accessKey = members["AccessKeyId"], let secret = members["SecretAccessKey"],
      members[token] != nil || !needsToken
    else {
      throw StoreError(
        .credentials,
        "the answer of \(source) lacks AccessKeyId, SecretAccessKey\(needsToken ? " or \(token)" : "")"
      )
    }
    try self.init(
      accessKey: accessKey, secret: secret, token: members[token],
      expiry: Self.expiry(members["Expiration"], from: source), from: source, origin: origin)
  }

  /// The time in a text.
  static func expiry(_ text: String?, from source: String) throws(StoreError) -> Int? {
    guard let text else { return nil }
    guard let time = Timestamp.parse(text) else {
      throw StoreError(
        .credentials, "the expiry of the credentials of \(source) is not a time: \(text.shortened)")
    }
    return time
  }
}

/// The token in a file.
///
/// - Parameter source: what names the file, for messages.
func readToken(
  _ path: String, _ environment: StoreEnvironment, from source: String
) throws(StoreError) -> String {
  let path = environment.path(path)
  let bytes: [UInt8]
  do throws(SystemError) {
    bytes = try SmallFile.read(path, limit: 64 << 10)
  } catch {
    throw StoreError(.credentials, "the token file \(path.escapedName) of \(source): \(error)")
  }
  let lines = bytes.split(separator: UInt8(ascii: "\n"))
  guard lines.count == 1, lines[0].allSatisfy({ (0x20...0x7e).contains($0) }) else {
    throw StoreError(
      .credentials, "the token file \(path.escapedName) of \(source) is not one line of text")
  }
  return String(decoding: lines[0], as: UTF8.self)
}

extension String {
  /// At most 200 bytes of somebody else's text, safe to print.
  var shortened: String { utf8.prefix(200).escapedName }
}
