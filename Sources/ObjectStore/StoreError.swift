/// Why an object, or a bucket, cannot be read.
package struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// What the user gave cannot be: a URL, an option, a configuration file.
    case invalid
    /// There are no credentials, or they cannot be had.
    case credentials
    /// The store refuses to do it for this user.
    case denied
    case notFound
    /// The object is not the one that was opened, or seen.
    case replaced
    /// An object has the name of one that must be new.
    case exists
    /// An upload was not proved, but its object may be there.
    case unproved
    /// The store, or the way to it.
    case unreachable
    /// The store's certificate, or TLS itself.
    case notTrusted
    /// The store's answer is not what the protocol allows, or what this program can use.
    case badAnswer
  }

  package var code: Code
  /// Without the object's name, which the caller shows.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
