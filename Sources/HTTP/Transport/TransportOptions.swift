import Posix

/// What all requests of a `Transport` have in common.
package struct TransportOptions: Sendable {
  /// The path of a file, or of a folder with hashed names, with the certificates to trust instead of
  /// the system's. It goes before AWS_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR.
  package var caBundle: String?
  /// Whether the program is being stopped, which ends all requests without a question of their own;
  /// asked ten times a second.
  package var isStopped: @Sendable () -> Bool = { Interruption.isRequested }

  package init(caBundle: String? = nil) { self.caBundle = caBundle }
}
