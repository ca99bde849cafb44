import HTTP
import Posix

/// Credentials that another process of this program finds, for one that may no longer read what they
/// come from.
package enum DelegatedCredentials {
  /// Finds them, for the process that may not. Runs in the one that may.
  ///
  /// - Returns: credentials, or why there are none, as `decode` reads them.
  package static func find(
    _ options: StoreOptions, environment: StoreEnvironment = .current()
  ) -> [UInt8] {
    let chain = CredentialsChain(
      client: Transport(TransportOptions(caBundle: options.caBundle)), environment: environment,
      profile: options.profile, region: options.region)
    return encode(Result { () throws(StoreError) in try chain.current() })
  }

  private static let success = "ok"
  private static let failure = "no"

  /// One line each: nothing but the origin, which comes last, may have a newline in it.
  static func encode(_ result: Result<Credentials, StoreError>) -> [UInt8] {
    let lines =
      switch result {
      case .success(let found):
        [
          success, found.accessKey, found.secret, found.token ?? "",
          found.expiry.map { "\($0)" } ?? "", found.origin,
        ]
      case .failure(let error): [failure, error.message]
      }
    return Array(lines.joined(separator: "\n").utf8)
  }

  /// - Throws: `StoreError` if there are none.
  static func decode(_ bytes: [UInt8]) throws(StoreError) -> Credentials {
    let lines = bytes.split(
      separator: UInt8(ascii: "\n"), maxSplits: 5, omittingEmptySubsequences: false
    ).map { String(decoding: $0, as: UTF8.self) }
    if lines.first == failure {
      throw StoreError(.credentials, lines.dropFirst().joined(separator: "\n"))
    }
    guard lines.count == 6, lines[0] == success else { throw silence }
    return try Credentials(
      accessKey: lines[1], secret: lines[2], token: lines[3].isEmpty ? nil : lines[3],
      expiry: Int(lines[4]), from: lines[5])
  }

  fileprivate static let silence = StoreError(
    .credentials, "the process that reads the credentials does not answer")
}

/// What asks that process.
struct DelegatedProvider: CredentialsProvider {
  /// - Returns: what `DelegatedCredentials.find` returned there; `nil` if nobody answers.
  let ask: @Sendable () -> [UInt8]?

  var name: String { "the process that reads them" }
  var canChange: Bool { true }

  func find() throws(StoreError) -> Credentials? {
    guard let answer = ask() else { throw DelegatedCredentials.silence }
    return try DelegatedCredentials.decode(answer)
  }
}
