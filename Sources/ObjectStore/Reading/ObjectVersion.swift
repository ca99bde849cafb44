import HTTP

/// What tells one version of an object from another.
package struct ObjectVersion: Equatable, Sendable {
  package let length: UInt64
  package let etag: String

  init(length: UInt64, etag: String) {
    self.length = length
    self.etag = etag
  }

  /// - Throws: `StoreError` with the code `badAnswer` if a change could go unnoticed: a date has
  ///   whole seconds.
  init(_ answer: HTTPAnswer, length: UInt64) throws(StoreError) {
    self.length = length
    guard let etag = answer.header("ETag"), !etag.isEmpty else {
      throw StoreError(
        .badAnswer,
        "the server sends no ETag, so a change would go unnoticed; fetch the file with curl")
    }
    self.etag = etag
  }

  /// The header that makes a server refuse another version; none for a weak ETag, which never
  /// matches.
  var condition: HTTPHeader? {
    etag.utf8.first == UInt8(ascii: "\"") ? HTTPHeader("If-Match", etag) : nil
  }
}
