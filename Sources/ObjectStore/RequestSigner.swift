package import HTTP

/// Adds what proves who sends a request.
package protocol RequestSigner: AnyObject, Sendable {
  /// The request with its signature, for a region; as it is if it needs none.
  ///
  /// - Throws: `StoreError` with the code `credentials` if there are none.
  func sign(_ request: HTTPRequest, region: String) throws(StoreError) -> HTTPRequest

  /// Takes over the time of a server that has refused a request, if this machine's may be the reason.
  ///
  /// - Returns: whether it is worth to sign again.
  func correctClock(by answer: HTTPAnswer) -> Bool

  /// Forgets credentials that a server has refused.
  ///
  /// - Returns: whether others may be had, so that it is worth to sign again.
  func refresh() -> Bool

  /// Where the credentials come from, for people; `nil` if requests need none.
  ///
  /// - Throws: `StoreError` with the code `credentials` if there are none.
  func origin() throws(StoreError) -> String?

  /// Has another process find new credentials, once this one may no longer read what they come from.
  ///
  /// - Parameter ask: asks `DelegatedCredentials.find` of the other process.
  func delegate(to ask: @escaping @Sendable () -> [UInt8]?)
}

extension RequestSigner {
  package func origin() throws(StoreError) -> String? { nil }
  package func delegate(to ask: @escaping @Sendable () -> [UInt8]?) {}
}
