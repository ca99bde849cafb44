import HTTP

/// The uploads of parts that have begun and not ended.
package struct UploadListing: Sendable {
  package struct Upload: Equatable, Sendable {
    package var key: [UInt8]
    package var id: String
    /// Seconds since 1970, if the store says so.
    package var begun: Int64?
  }

  package private(set) var uploads: [Upload] = []

  /// More than these are not worth the wait.
  private static let mostPages = 20

  /// Lists those whose keys begin with a prefix.
  ///
  /// - Throws: `StoreError`.
  package init(
    of bucket: String, _ prefix: [UInt8], in store: Store
  ) throws(StoreError) {
    var next: UploadAnswers.Page.Marker?
    for _ in 0..<Self.mostPages {
      var query = [(name: "uploads", value: ""), (name: "encoding-type", value: "url")]
      if !prefix.isEmpty {
        query.append((name: "prefix", value: String(decoding: prefix, as: UTF8.self)))
      }
      if let next {
        query.append((name: "key-marker", value: String(decoding: next.key, as: UTF8.self)))
        query.append((name: "upload-id-marker", value: next.id))
      }
      let answer = try store.send(BucketRequest(bucket, [], query: query))
      guard answer.status == 200 else {
        throw answer.status == 403
          ? StoreError(
            .denied, "access denied: the permission s3:ListBucketMultipartUploads is missing")
          : StoreFault(answer).error(about: .bucket(bucket, key: []))
      }
      let page = try UploadAnswers.uploads(answer.body)
      // One store ignores the prefix.
      uploads += page.uploads.filter { $0.key.starts(with: prefix) }
      guard let marker = page.next, marker != next else { return }
      next = marker
    }
  }
}

extension UploadAnswers {
  /// A page of a list of uploads.
  package struct Page: Equatable, Sendable {
    package struct Marker: Equatable, Sendable {
      package var key: [UInt8]
      package var id: String
    }
    package var uploads: [UploadListing.Upload]
    /// Where the next page begins; `nil` for the last one.
    package var next: Marker?
  }

  /// - Throws: `StoreError` with the code `badAnswer`.
  package static func uploads(_ body: [UInt8]) throws(StoreError) -> Page {
    let root = try XMLScanner.parse(body)
    let bad = StoreError(.badAnswer, "the store's list of uploads makes no sense")
    guard root.name != "Error" else { throw bad }
    let isEncoded = root["EncodingType"]?.string == "url"
    func key(_ text: [UInt8]) -> [UInt8] { isEncoded ? PercentEncoding.decodeKey(text) : text }
    var page = Page(uploads: [])
    for entry in root.all("Upload") {
      guard let name = entry["Key"]?.text, let id = entry["UploadId"]?.string else { throw bad }
      page.uploads.append(
        UploadListing.Upload(
          key: key(name), id: id,
          begun: entry["Initiated"].flatMap { Timestamp.parse($0.string) }.map(Int64.init)))
    }
    if root["IsTruncated"]?.string == "true" {
      // One store gives only the ID.
      let last = root["NextKeyMarker"].map { key($0.text) } ?? page.uploads.last?.key ?? []
      page.next = Page.Marker(key: last, id: root["NextUploadIdMarker"]?.string ?? "")
    }
    return page
  }
}
