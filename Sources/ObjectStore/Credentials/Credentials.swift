/// What proves who sends a request. Its description keeps the secrets.
package struct Credentials: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
  package let accessKey: String
  package let secret: String
  /// The token of a session that ends.
  package let token: String?
  /// When they end, in seconds since 1970; `nil` for never, or nobody knows.
  package let expiry: Int?
  /// Where they come from, for people; without anything secret.
  package let origin: String

  /// - Parameters:
  ///   - source: where they come from, for errors.
  ///   - origin: where they come from, for people, if that is not `source`.
  /// - Throws: `StoreError` if they could not be sent in a header.
  package init(
    accessKey: String, secret: String, token: String? = nil, expiry: Int? = nil,
    from source: String, origin: String? = nil
  ) throws(StoreError) {
    // Nothing else may get into a header; the secret does not, but has no reason to be different.
    for value in [accessKey, secret, token ?? "-"] {
      guard !value.isEmpty, value.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
        throw StoreError(
          .credentials, "the credentials of \(source) are empty or have impossible characters")
      }
    }
    self.accessKey = accessKey
    self.secret = secret
    self.token = token
    self.expiry = expiry
    self.origin = origin ?? source
  }

  /// Whether they are the same, wherever they come from.
  package static func == (left: Credentials, right: Credentials) -> Bool {
    left.accessKey == right.accessKey && left.secret == right.secret && left.token == right.token
      && left.expiry == right.expiry
  }

  /// The last four characters of the access key, to tell keys apart.
  package var description: String { "…\(accessKey.suffix(4))" }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
