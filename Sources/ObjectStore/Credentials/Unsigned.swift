package import HTTP

/// For buckets that everybody may read: nothing is signed.
package final class Unsigned: RequestSigner {
  package init() {}

  package func sign(_ request: HTTPRequest, region: String) throws(StoreError) -> HTTPRequest {
    request
  }

  package func correctClock(by answer: HTTPAnswer) -> Bool { false }

  package func refresh() -> Bool { false }
}
