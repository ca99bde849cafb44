import HTTP
import Synchronization
import Testing

@testable import ObjectStore

@Suite struct ObjectUploadTests {
  private static let key = ObjectLocation.bucket("b", key: Array("f/image".utf8))
  private static let parts: [[UInt8]] = [[1, 2, 3], [4, 5], [6]]

  private static var options: UploadOptions {
    var options = UploadOptions()
    options.firstDelay = 1
    return options
  }

  /// Uploads three parts, the first one last.
  private static func upload(
    _ bucket: FakeBucket, _ condition: UploadCondition = .absent,
    _ options: UploadOptions = options
  ) throws -> UploadedObject {
    let upload = try ObjectUpload(to: key, in: bucket.store(), if: condition, options)
    do {
      for number in [2, 3, 1] { try upload.send(HTTPBody(parts[number - 1]), asPart: number) }
      let object = try upload.complete()
      upload.finish()
      return object
    } catch {
      #expect(upload.abort() == nil)
      throw error
    }
  }

  private static func succeeds(_ bucket: FakeBucket) throws {
    let object = try upload(bucket)
    #expect(bucket.object("f/image")?.bytes == [1, 2, 3, 4, 5, 6])
    #expect(object.etag == bucket.object("f/image")?.etag)
    #expect(bucket.uploads == 0)
  }

  private static func fails(_ bucket: FakeBucket, _ code: StoreError.Code) {
    #expect {
      try upload(bucket)
    } throws: {
      ($0 as? StoreError)?.code == code
    }
    #expect(bucket.uploads == 0)
  }

  @Test func parts_in_any_order_become_one_object() throws {
    let bucket = FakeBucket()
    try Self.succeeds(bucket)
    #expect(bucket.count(.put) == 0)
  }

  @Test func an_object_of_one_part_goes_by_one_request() throws {
    let bucket = FakeBucket()
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    try upload.send(HTTPBody([7, 8]), asPart: 1)
    #expect(try upload.complete().length == 2)
    #expect(bucket.object("f/image")?.bytes == [7, 8])
    #expect(bucket.count(.put) == 1 && bucket.count(.part(1)) == 0)
    #expect(upload.abort() == nil)
    #expect(bucket.object("f/image") != nil)
  }

  /// What may happen around the completion of three parts, and still ends well.
  @Test(arguments: [
    [FakeBucket.Mishap.lose], [.lose, .lose], [.lie(500, "InternalError")],
    [.lie(200, "InternalError")],
    [.refuse(200, "SlowDown")], [.refuse(503, "SlowDown"), .refuse(503, "SlowDown")],
    [.lie(503, "SlowDown"), .refuse(404, "NoSuchUpload")],
    // The store is slow, and refuses what it has done already.
    [.refuse(503, "SlowDown"), .lie(403, "ExpiredToken")],
    [.refuse(503, "SlowDown"), .lie(200, "NoSuchUpload")],
    [.refuse(400, "InvalidArgument")], [.refuse(409, "ConditionalRequestConflict")],
  ])
  func a_completion_in_doubt_is_settled_by_looking(_ mishaps: [FakeBucket.Mishap]) throws {
    try Self.succeeds(FakeBucket([.complete: mishaps]))
    // Without metadata, the ETag of the very bytes proves it too.
    try Self.succeeds(FakeBucket([.complete: mishaps], keepsMetadata: false))
  }

  @Test(arguments: [
    ([FakeBucket.Mishap.overtake], StoreError.Code.exists),
    ([.refuse(503, "SlowDown"), .overtake], .exists),
    ([.refuse(200, "InvalidPart")], .badAnswer),
    ([.expire], .notFound), ([.refuse(403, "AccessDenied")], .denied),
    ([.refuseAlways(500, "InternalError")], .unreachable),
  ])
  func a_completion_that_failed_is_an_error(
    _ mishaps: [FakeBucket.Mishap], _ code: StoreError.Code
  ) {
    let bucket = FakeBucket([.complete: mishaps])
    Self.fails(bucket, code)
    #expect(bucket.object("f/image")?.bytes == (code == .exists ? [9] : nil))
  }

  /// An object with the same bytes, which is to be replaced, is no proof that it was replaced.
  @Test func the_same_bytes_are_replaced_all_the_same() throws {
    for keepsMetadata in [true, false] {
      let bucket = FakeBucket(
        [.complete: [.refuse(503, "SlowDown")]], keepsMetadata: keepsMetadata)
      let etag = PartProof.composite(Self.parts.map { MD5.digest(of: $0) })
      bucket.state.withLock {
        $0.objects["f/image"] = .init(bytes: Self.parts.flatMap(\.self), etag: etag)
      }
      var options = Self.options
      options.storageClass = "STANDARD_IA"
      _ = try Self.upload(bucket, .version(etag: etag), options)
      #expect(bucket.object("f/image")?.headers["x-amz-storage-class"] == "STANDARD_IA")
      #expect(bucket.uploads == 0)
    }
  }

  /// Whose bytes they are is not known where nothing but the ETag tells; so this upload goes.
  @Test func an_upload_that_was_quicker_with_the_same_bytes_leaves_none_of_this_one() throws {
    let bucket = FakeBucket(
      [.complete: [.refuse(503, "SlowDown")]], keepsMetadata: false)
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    for number in [2, 3, 1] { try upload.send(HTTPBody(Self.parts[number - 1]), asPart: number) }
    let etag = PartProof.composite(Self.parts.map { MD5.digest(of: $0) })
    let object = FakeBucket.Object(bytes: Self.parts.flatMap(\.self), etag: etag)
    bucket.state.withLock { state in
      state.mishaps[.head] = [.refuse(404, "")]
      state.objects["f/image"] = object
    }
    #expect(try upload.complete().etag == etag)
    #expect(bucket.uploads == 0)
  }

  /// The store answers no question after the completion: the object is there, or it is not known.
  @Test(arguments: [nil, FakeBucket.Mishap.lose, .refuse(503, "SlowDown")])
  func what_cannot_be_proved_is_said(_ mishap: FakeBucket.Mishap?) throws {
    let bucket = FakeBucket([
      .complete: [mishap], .head: [nil, .refuseAlways(503, "SlowDown")],
      .put: [mishap],
    ])
    #expect {
      try Self.upload(bucket)
    } throws: {
      let error = $0 as? StoreError
      let says = mishap == nil ? "uploaded, but could not be read back" : "it is not known whether"
      return error?.code == .unproved && error?.message.contains(says) == true
    }
    #expect(bucket.uploads == 0)
    let upload = try ObjectUpload(
      to: .bucket("b", key: Array("small".utf8)), in: bucket.store(), Self.options)
    bucket.state.withLock { $0.mishaps[.head] = [nil, .refuseAlways(503, "SlowDown")] }
    try upload.send(HTTPBody([1]), asPart: 1)
    #expect {
      try upload.complete()
    } throws: {
      ($0 as? StoreError)?.code == .unproved
    }
  }

  @Test func an_object_in_the_way_is_seen_before_anything_is_sent() throws {
    let bucket = FakeBucket()
    bucket.state.withLock { $0.objects["f/image"] = .init(bytes: [9], etag: "\"old\"") }
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    #expect(throws: StoreError.self) { try upload.checkCondition() }
    #expect(bucket.state.withLock { $0.steps } == [.head])
  }

  @Test(arguments: [false, true])
  func only_the_version_that_was_seen_is_replaced(isOther: Bool) throws {
    let bucket = FakeBucket()
    bucket.state.withLock { $0.objects["f/image"] = .init(bytes: [9], etag: "\"old\"") }
    let condition = UploadCondition.version(etag: isOther ? "\"older\"" : "\"old\"")
    if isOther {
      #expect { try Self.upload(bucket, condition) } throws: {
        ($0 as? StoreError)?.code == .replaced
      }
      #expect(bucket.object("f/image")?.bytes == [9])
    } else {
      _ = try Self.upload(bucket, condition)
      #expect(bucket.object("f/image")?.bytes == [1, 2, 3, 4, 5, 6])
    }
    #expect(bucket.uploads == 0)
  }

  @Test(arguments: [
    [FakeBucket.Mishap.damage], [.lose], [.refuse(400, "BadDigest")], [.refuse(503, "SlowDown")],
    [.refuse(400, "RequestTimeout")], [.lose, .refuse(501, "NotImplemented")],
    [.refuse(501, "NotImplemented")], [.refuse(400, "InvalidArgument")],
  ])
  func a_part_that_goes_wrong_is_sent_again(_ mishaps: [FakeBucket.Mishap]) throws {
    try Self.succeeds(FakeBucket([.part(2): mishaps]))
  }

  @Test(arguments: [
    ([FakeBucket.Mishap](repeating: .damage, count: 9), StoreError.Code.badAnswer),
    ([.refuseAlways(503, "SlowDown")], .unreachable),
    ([.refuse(403, "AccessDenied")], .denied), ([.expire], .notFound),
    ([.refuseAlways(501, "NotImplemented")], .badAnswer),
  ])
  func a_part_that_cannot_be_sent_ends_the_upload(
    _ mishaps: [FakeBucket.Mishap], _ code: StoreError.Code
  ) {
    let bucket = FakeBucket([.part(3): mishaps])
    Self.fails(bucket, code)
    #expect(bucket.object("f/image") == nil && bucket.count(.complete) == 0)
  }

  /// A store may know none of the new headers, or not the condition.
  @Test func a_store_that_refuses_checksums_gets_none() throws {
    for step in [FakeBucket.Step.create, .part(2), .complete] {
      let bucket = FakeBucket([step: [.refuse(501, "NotImplemented")]])
      try Self.succeeds(bucket)
    }
  }

  @Test func an_upload_that_cannot_be_aborted_is_named() throws {
    let bucket = FakeBucket([.abort: [.refuseAlways(403, "AccessDenied")]])
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    try upload.send(HTTPBody([1]), asPart: 2)
    let left = try #require(upload.abort())
    #expect(bucket.state.withLock { $0.uploads.keys.contains(left.id) })
    #expect(left.reason.contains("s3:AbortMultipartUpload"))
  }

  /// A part on its way can make the store keep it after the first request to abort.
  @Test func an_upload_is_aborted_again_while_it_has_parts() throws {
    let bucket = FakeBucket([.abort: [.refuse(204, ""), .refuse(204, "")]])
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    try upload.send(HTTPBody([1]), asPart: 2)
    #expect(upload.abort() == nil)
    #expect(bucket.uploads == 0)
  }

  @Test(arguments: [[1, 3], [2], [2, 2], [0], [10_001]])
  func parts_must_be_numbered_without_gaps(_ numbers: [Int]) throws {
    let bucket = FakeBucket()
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), Self.options)
    #expect {
      for number in numbers { try upload.send(HTTPBody([1]), asPart: number) }
      _ = try upload.complete()
    } throws: { ($0 as? StoreError)?.code == .invalid }
    #expect(upload.abort() == nil)
    #expect(bucket.uploads == 0 && bucket.object("f/image") == nil)
  }

  @Test func no_more_parts_are_on_their_way_than_allowed() throws {
    let bucket = FakeBucket()
    var options = Self.options
    options.mostInFlight = 2
    let upload = try ObjectUpload(to: Self.key, in: bucket.store(), options)
    for number in 1...40 { try upload.send(HTTPBody([UInt8(number)]), asPart: number) }
    #expect(try upload.complete().length == 40)
    #expect(bucket.state.withLock { $0.mostUnderWay } <= 2)
  }

  @Test(arguments: [false, true])
  func a_store_that_ignores_conditions_is_told_of_once(ignores: Bool) throws {
    let bucket = FakeBucket(ignoresConditions: ignores)
    let warnings = Warnings()
    var options = Self.options
    options.warn = { warnings.add($0) }
    let store = bucket.store()
    for name in ["a", "b"] {
      let upload = try ObjectUpload(
        to: .bucket("b", key: Array(name.utf8)), in: store, options)
      try upload.send(HTTPBody([1]), asPart: 1)
      _ = try upload.complete()
      upload.finish()
    }
    #expect(warnings.all == (ignores ? [ConditionProbe.warning] : []))
    #expect(bucket.uploads == 0 && bucket.object("a")?.bytes == [1])
  }

  @Test func an_upload_ends_when_the_program_is_stopped() throws {
    let bucket = FakeBucket()
    let isStopped = Atomic(false)
    let upload = try ObjectUpload(
      to: Self.key, in: bucket.store { isStopped.load(ordering: .relaxed) }, Self.options)
    try upload.send(HTTPBody([1]), asPart: 2)
    isStopped.store(true, ordering: .relaxed)
    #expect(throws: StoreError.self) {
      try upload.send(HTTPBody([1]), asPart: 1)
      _ = try upload.complete()
    }
    #expect(upload.abort() == nil)
    #expect(bucket.uploads == 0 && bucket.object("f/image") == nil)
  }

  @Test func the_object_has_what_the_options_say() throws {
    let bucket = FakeBucket()
    var options = Self.options
    options.contentType = "text/html; charset=utf-8"
    options.storageClass = "STANDARD_IA"
    options.encryption = "aws:kms"
    options.encryptionKey = "key"
    options.tagging = "a=b"
    options.acl = "private"
    options.metadata = [("sha256", "x")]
    _ = try Self.upload(bucket, .absent, options)
    let headers = bucket.object("f/image")?.headers
    #expect(headers?["Content-Type"] == "text/html; charset=utf-8")
    #expect(headers?["x-amz-storage-class"] == "STANDARD_IA")
    #expect(headers?["x-amz-meta-sha256"] == "x")
    #expect(headers?["x-amz-tagging"] == "a=b" && headers?["x-amz-acl"] == "private")
  }
}

private final class Warnings: Sendable {
  private let list = Mutex<[String]>([])
  var all: [String] { list.withLock { $0 } }
  func add(_ text: String) { list.withLock { $0.append(text) } }
}
