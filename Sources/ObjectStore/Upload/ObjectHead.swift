package import HTTP

/// What a store tells of an object without its bytes.
package struct ObjectHead: Equatable, Sendable {
  /// The header with the mark that each upload has of its own.
  static let markHeader = "x-amz-meta-autosquash-upload"

  package let length: UInt64
  package let etag: String
  /// The upload that made it, if the store keeps metadata.
  let mark: String?
  /// The CRC-64/NVME of all of it, in base64, if the store knows it.
  let checksum: String?
  /// Whether the store encrypts it so that its ETag is none of its bytes.
  let hidesMD5: Bool
  /// Seconds since 1970.
  package let modified: Int64?

  /// - Returns: `nil` if there is no such object.
  /// - Throws: `StoreError` if the store does not tell.
  package init?(of location: ObjectLocation, in store: Store) throws(StoreError) {
    try self.init(of: location, in: store, isStopped: nil)
  }

  init?(
    of location: ObjectLocation, in store: Store, isStopped: (@Sendable () -> Bool)?
  ) throws(StoreError) {
    guard case .bucket(let bucket, let key) = location, !key.isEmpty else {
      throw StoreError(.invalid, "not an object of a bucket")
    }
    var request = BucketRequest(
      bucket, key, headers: [HTTPHeader("x-amz-checksum-mode", "ENABLED")], mostBytes: 0)
    request.method = .head
    request.isStopped = isStopped
    let answer = try store.send(request)
    if answer.status == 404 { return nil }
    guard answer.status == 200 else {
      throw try Self.reason(answer, location, request, in: store)
    }
    guard let length = answer.header("Content-Length").flatMap({ UInt64($0) }),
      let etag = answer.header("ETag"), UploadAnswers.isETag(etag)
    else { throw StoreError(.badAnswer, "the store does not tell the object's length and ETag") }
    self.length = length
    self.etag = etag
    mark = answer.header(Self.markHeader)
    let isWhole = answer.header("x-amz-checksum-type")?.uppercased() != "COMPOSITE"
    checksum = isWhole ? answer.header("x-amz-checksum-crc64nvme") : nil
    hidesMD5 = PartProof.isEncrypted(answer)
    modified = answer.header("Last-Modified").flatMap { Timestamp.parseHeader($0) }.map(Int64.init)
  }
}

extension ObjectHead {
  /// Why a store tells nothing: it says so in a body, which an answer to HEAD does not have.
  private static func reason(
    _ answer: HTTPAnswer, _ location: ObjectLocation, _ request: BucketRequest, in store: Store
  ) throws(StoreError) -> StoreError {
    guard [400, 403].contains(answer.status) else {
      return StoreFault(answer).error(about: location)
    }
    var request = request
    request.method = .get
    request.headers = [HTTPHeader("Range", "bytes=0-0")]
    request.mostBytes = XMLScanner.mostBytes
    let other = try store.send(request)
    return StoreFault(other.status == answer.status ? other : answer).error(about: location)
  }

  /// Whether the object has these bytes, as far as its checksum or its ETag tells.
  ///
  /// - Parameter size: of the parts that this program would send.
  /// - Returns: `nil` if neither tells.
  /// - Throws: `StoreError` if a file cannot be read.
  package func holds(_ body: HTTPBody, inPartsOf size: Int) throws(StoreError) -> Bool? {
    guard length == UInt64(body.count) else { return false }
    let whole = try BodyDigests(of: body)
    if let checksum, checksum.utf8.count == CRC64NVME().text.utf8.count {
      return checksum == whole.crc64.text
    }
    if etag == PartProof.single(whole.md5) { return true }
    // Others cut objects into the same parts if they are not very long.
    var digests: [[UInt8]] = []
    for start in stride(from: 0, to: body.count, by: max(1, size)) {
      let part = body.slice(start..<min(body.count, start + size))
      digests.append(try BodyDigests(of: part).md5)
    }
    return etag == PartProof.composite(digests) ? true : nil
  }
}
