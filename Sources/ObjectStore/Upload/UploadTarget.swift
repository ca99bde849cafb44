import HTTP
import Posix
import Synchronization

/// The object that an upload makes, and the requests for it.
final class UploadTarget: Sendable {
  let store: Store
  let location: ObjectLocation
  let condition: UploadCondition
  let options: UploadOptions
  /// What the object's metadata tell of the upload that made it: at random, so that an object can be
  /// told from one of another upload when an answer is lost.
  let mark: String
  private let bucket: String
  private let key: [UInt8]
  /// Whether parts carry a checksum that only some stores know.
  private let sendsChecksums = Atomic(true)

  /// - Throws: `StoreError` with the code `invalid` if the location is not an object of a bucket.
  init(
    _ location: ObjectLocation, in store: Store, _ condition: UploadCondition,
    _ options: UploadOptions
  ) throws(StoreError) {
    guard case .bucket(let bucket, let key) = location, !key.isEmpty else {
      throw StoreError(.invalid, "only a bucket takes uploads; its objects are s3://BUCKET/KEY")
    }
    self.store = store
    self.location = location
    self.condition = condition
    self.options = options
    self.bucket = bucket
    self.key = key
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    mark = String(decoding: bytes.hexadecimal, as: UTF8.self)
  }

  var hasChecksums: Bool { sendsChecksums.load(ordering: .relaxed) }

  /// Does without the checksum, if the store may have refused a request for its sake.
  ///
  /// - Returns: whether it is worth to try again.
  func dropChecksums(after fault: StoreFault) -> Bool {
    let isKnown = [
      "BadDigest", "InvalidDigest", "EntityTooSmall", "EntityTooLarge", "RequestTimeout",
      "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "XAmzContentSHA256Mismatch",
    ]
    guard fault.status == 501 || fault.status == 400, !isKnown.contains(fault.code ?? "") else {
      return false
    }
    return sendsChecksums.exchange(false, ordering: .relaxed)
  }

  /// The headers of the request that creates the object.
  var creationHeaders: [HTTPHeader] {
    options.headers + [HTTPHeader(ObjectHead.markHeader, mark)]
  }

  /// Whether ETags are no MD5, because the user asked for encryption with a key.
  var hidesMD5: Bool { options.encryption.map { $0 != "AES256" } ?? false }

  /// A request about the object.
  func request(
    _ method: HTTPRequest.Method, query: [(name: String, value: String)] = [],
    headers: [HTTPHeader] = []
  ) -> BucketRequest {
    var request = BucketRequest(bucket, key, query: query, headers: headers)
    request.method = method
    // What is still on its way in the machine's own buffers counts as sent; and stores take their
    // time to write a large part, or to put parts together.
    request.timeouts.firstByte = 120_000
    request.timeouts.stall = 60_000
    return request
  }

  /// A request that is sent even while the program is being stopped: it cleans up, or says what became
  /// of an upload.
  func lastRequest(
    _ method: HTTPRequest.Method, query: [(name: String, value: String)] = [],
    headers: [HTTPHeader] = []
  ) -> BucketRequest {
    var request = request(method, query: query, headers: headers)
    request.isStopped = { false }
    return request
  }

  /// What proves a body, in headers.
  func proof(_ digests: BodyDigests) -> [HTTPHeader] {
    let md5 = HTTPHeader("Content-MD5", Base64.encode(digests.md5))
    guard hasChecksums else { return [md5] }
    return [md5, HTTPHeader("x-amz-checksum-crc64nvme", digests.crc64.text)]
  }

  // MARK: What became of the object

  /// The store has let two uploads through at once.
  static let overtaken = StoreError(
    .exists, "another upload to this name has replaced this one at the same moment")

  /// Whose object has the name now.
  enum Owner {
    case nobody
    case this(ObjectHead)
    case other(ObjectHead)
  }

  /// - Parameters:
  ///   - etag: that of these bytes, for stores that keep no metadata.
  ///   - isAnswered: whether the store has said that the upload succeeded. If it has not, an object
  ///     with these very bytes may be the one that was to be replaced.
  func owner(
    etag: String, length: UInt64, isAnswered: Bool = false
  ) throws(StoreError) -> Owner {
    guard let head = try ObjectHead(of: location, in: store, isStopped: { false }) else {
      return .nobody
    }
    let isOld = !isAnswered && condition == .version(etag: head.etag)
    let isMine =
      head.mark.map { $0 == mark } ?? (head.etag == etag && head.length == length && !isOld)
    return isMine ? .this(head) : .other(head)
  }

  /// Makes sure that the condition holds now, for stores that ignore it.
  func checkCondition() throws(StoreError) {
    let head = try ObjectHead(of: location, in: store)
    switch condition {
    case .absent: if head != nil { throw condition.violation }
    case .version(let etag): if head?.etag != etag { throw condition.violation }
    }
  }

  /// Does without the condition, which the store refuses to know.
  func warnOfNoCondition() { options.warn(ConditionProbe.warning) }
}
