/// Why there is no answer.
package struct HTTPError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The server, or the way to it, did not answer in time or broke off: another try may help.
    case unreachable
    /// Nobody listens at the server's port: it is being started again, or the address is wrong.
    case refused
    /// The server's name has no address.
    case unknownHost
    /// The certificate, or TLS itself.
    case notTrusted
    /// The answer breaks the protocol, or is longer than allowed.
    case badAnswer
    /// The program is being stopped, or the request was.
    case cancelled
    /// libcurl is missing, or the request is not one it can send.
    case impossible
  }

  package var code: Code
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
