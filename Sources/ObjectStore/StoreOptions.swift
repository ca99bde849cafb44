/// How to reach a store, as the user said it; what is `nil` comes from the environment and the
/// configuration files of the AWS tools.
package struct StoreOptions: Equatable, Sendable {
  package var profile: String?
  package var region: String?
  /// The URL of a store other than AWS's.
  package var endpoint: String?
  /// Whether requests are signed; anyone may read a public bucket.
  package var signs = true
  /// Whether this user pays for requests, if the bucket's owner does not.
  package var paysRequests = false
  /// A file or a folder of certificates to trust.
  package var caBundle: String?

  package init() {}
}

extension StoreOptions {
  /// Whether a text can be a region's name.
  package static func isRegion(_ text: String) -> Bool { BucketURL.isRegion(text) }
}
