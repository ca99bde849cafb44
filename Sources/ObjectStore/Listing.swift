import HTTP

/// The objects below a prefix.
package struct ObjectListing: Sendable {
  package struct Object: Equatable, Sendable {
    /// The whole key.
    package var key: [UInt8]
    package var length: UInt64
    /// Seconds since 1970, if the store says so in a way that can be read.
    package var modified: Int64?
  }

  package private(set) var objects: [Object] = []

  /// More objects than this are an error rather than a wait for minutes.
  private static let mostObjects = 1_000_000

  /// Lists all objects below a prefix, in the order of their keys.
  ///
  /// - Parameter location: a bucket, with the prefix as its key.
  /// - Throws: `StoreError`.
  package init(_ location: ObjectLocation, in store: Store) throws(StoreError) {
    guard case .bucket(let bucket, let prefix) = location else {
      throw StoreError(.invalid, "only a bucket can be listed")
    }
    var token: String?
    repeat {
      var query = [("list-type", "2"), ("encoding-type", "url")]
      if !prefix.isEmpty { query.append(("prefix", String(decoding: prefix, as: UTF8.self))) }
      if let token { query.append(("continuation-token", token)) }
      let answer = try store.get(
        .bucket(bucket, key: []), query: query.map { (name: $0.0, value: $0.1) },
        mostBytes: XMLScanner.mostBytes)
      guard answer.status == 200 else {
        throw StoreFault(answer).error(about: .bucket(bucket, key: []))
      }
      token = try add(answer.body, after: token)
    } while token != nil
  }

  /// - Returns: the token for the next page.
  private mutating func add(_ body: [UInt8], after token: String?) throws(StoreError) -> String? {
    let bad = StoreError(.badAnswer, "the store's list of objects makes no sense")
    guard let root = try? XMLScanner.parse(body), root.name == "ListBucketResult" else { throw bad }
    let isEncoded = root["EncodingType"]?.string == "url"
    for entry in root.all("Contents") {
      guard let name = entry["Key"]?.text, let size = entry["Size"]?.string,
        let length = UInt64(size), objects.count < Self.mostObjects
      else { throw bad }
      let key = isEncoded ? PercentEncoding.decode(name) : name
      objects.append(
        Object(
          key: key, length: length,
          modified: entry["LastModified"].flatMap { Timestamp.parse($0.string) }.map(Int64.init)))
    }
    guard root["IsTruncated"]?.string == "true" else { return nil }
    guard let next = root["NextContinuationToken"]?.string, next != token else { throw bad }
    return next
  }
}
