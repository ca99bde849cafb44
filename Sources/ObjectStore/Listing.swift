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
  /// The token for what follows; `nil` if this is everything.
  private var next: String?
  package var isWhole: Bool { next == nil }

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
    repeat {
      try add(Self.page(of: bucket, prefix, after: next, in: store), of: bucket)
    } while next != nil
  }

  /// Lists what begins with a prefix: the first page, of at most 1,000 objects.
  ///
  /// - Throws: `StoreError`.
  package init(
    firstPageOf bucket: String, _ prefix: [UInt8], in store: Store
  ) throws(StoreError) {
    try self.init(firstPage: Self.page(of: bucket, prefix, in: store), of: bucket)
  }

  /// The first page of a bucket's list, or of what begins with a prefix.
  ///
  /// - Parameter answer: of `page`.
  init(firstPage answer: HTTPAnswer, of bucket: String) throws(StoreError) {
    try add(answer, of: bucket)
  }

  /// Asks for a page.
  ///
  /// - Parameter token: that of the page before.
  static func page(
    of bucket: String, _ prefix: [UInt8], after token: String? = nil, in store: Store
  ) throws(StoreError) -> HTTPAnswer {
    var query = [("list-type", "2"), ("encoding-type", "url")]
    if !prefix.isEmpty { query.append(("prefix", String(decoding: prefix, as: UTF8.self))) }
    if let token { query.append(("continuation-token", token)) }
    return try store.get(
      .bucket(bucket, key: []), query: query.map { (name: $0.0, value: $0.1) },
      mostBytes: XMLScanner.mostBytes)
  }

  private mutating func add(_ answer: HTTPAnswer, of bucket: String) throws(StoreError) {
    guard answer.status == 200 else {
      throw StoreFault(answer).error(about: .bucket(bucket, key: []))
    }
    let bad = StoreError(.badAnswer, "the store's list of objects makes no sense")
    guard let root = try? XMLScanner.parse(answer.body), root.name == "ListBucketResult" else {
      throw bad
    }
    let isEncoded = root["EncodingType"]?.string == "url"
    for entry in root.all("Contents") {
      guard let name = entry["Key"]?.text, let size = entry["Size"]?.string,
        let length = UInt64(size), objects.count < Self.mostObjects
      else { throw bad }
      let key = isEncoded ? PercentEncoding.decodeKey(name) : name
      objects.append(
        Object(
          key: key, length: length,
          modified: entry["LastModified"].flatMap { Timestamp.parse($0.string) }.map(Int64.init)))
    }
    guard root["IsTruncated"]?.string == "true" else {
      next = nil
      return
    }
    guard let token = root["NextContinuationToken"]?.string, token != next else { throw bad }
    next = token
  }
}
