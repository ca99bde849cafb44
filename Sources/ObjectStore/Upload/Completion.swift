import HTTP

/// Puts the parts of an upload together to an object, and makes sure what became of it.
struct Completion {
  let target: UploadTarget
  let uploadID: String
  /// In order.
  let parts: [PartSender.Sent]

  /// - Parameter whenThere: called when the object has its name, before anything else is asked.
  /// - Throws: `StoreError`; the upload may be left.
  func run(whenThere: () -> Void) throws(StoreError) -> UploadedObject {
    var crc64 = CRC64NVME()
    for part in parts { crc64.append(part.crc64) }
    let etag = PartProof.composite(parts.map(\.md5))
    var attempts = Attempts(
      Attempts.ofSingleRequests, firstDelay: target.options.firstDelay)
    var condition: UploadCondition? = target.condition
    // Whether an earlier try may have succeeded: of this program, or of the network's own.
    var isInDoubt = false
    while true {
      let error: StoreError
      let mayRepeat: Bool
      var mayBeThere = false
      switch Result(catching: { () throws(StoreError) in
        try target.store.send(request(crc64, condition))
      }) {
      case .success(let answer):
        let fault = StoreFault(answer)
        var isPassing = fault.isPassing
        if answer.status == 200 {
          switch try? UploadAnswers.completion(answer.body) {
          case .object(_, let checksum)?:
            guard !PartProof.isOther(checksum, than: crc64) else { throw Self.damaged }
            whenThere()
            return try proven(confirmed(etag: etag, crc64.count), etag, crc64)
          case .fault(let code)?: isPassing = StoreFault.isPassing(code)
          case nil: isPassing = true
          }
        } else if answer.status == 501, condition != nil {
          condition = nil
          target.warnOfNoCondition()
          continue
        } else if fault.dropsChecksums(of: target) {
          continue
        }
        error =
          answer.status == 412
          ? target.condition.violation : fault.uploadError(about: target.location)
        mayRepeat = isPassing || answer.status == 409
        mayBeThere = [404, 409, 412].contains(answer.status)
        if isPassing { isInDoubt = true }
      case .failure(let failure):
        error = failure
        mayRepeat = failure.code == .unreachable
        // It was sent, and nothing useful came back.
        if [.unreachable, .badAnswer].contains(failure.code) { isInDoubt = true }
      }
      mayBeThere = mayBeThere || isInDoubt
      guard mayBeThere else { throw error }
      if let head = try settled(etag, crc64, orElse: error, &attempts, mayRepeat: mayRepeat) {
        return try proven(head, etag, crc64)
      }
    }
  }

  private static let damaged = StoreError(
    .unproved,
    "the store's checksum of the object is not that of the bytes sent; remove the object")

  /// - Returns: the object, if it is there; `nil` to try again.
  private func settled(
    _ etag: String, _ crc64: CRC64NVME, orElse error: StoreError, _ attempts: inout Attempts,
    mayRepeat: Bool
  ) throws(StoreError) -> ObjectHead? {
    let owner: UploadTarget.Owner
    do throws(StoreError) { owner = try target.owner(etag: etag, length: crc64.count) } catch {
      throw error.inDoubt
    }
    switch (owner, target.condition) {
    case (.this(let head), _):
      // With the same bytes, it may be another's, and this upload may be left.
      if head.mark == nil { Abortion(target: target, uploadID: uploadID).ask() }
      return head
    case (.other, .absent): throw target.condition.violation
    case (.other(let head), .version(let seen)) where head.etag != seen:
      throw target.condition.violation
    default: break
    }
    let isStopped: () -> Bool = { [store = target.store] in store.isStopped }
    guard mayRepeat, attempts.again(unless: isStopped) else { throw error }
    return nil
  }

  /// What the object's own head says.
  private func confirmed(etag: String, _ length: UInt64) throws(StoreError) -> ObjectHead {
    let owner: UploadTarget.Owner
    do throws(StoreError) {
      owner = try target.owner(etag: etag, length: length, isAnswered: true)
    } catch { throw StoreError(afterUpload: error) }
    guard case .this(let head) = owner else { throw UploadTarget.overtaken }
    return head
  }

  private func proven(
    _ head: ObjectHead, _ etag: String, _ crc64: CRC64NVME
  ) throws(StoreError) -> UploadedObject {
    let hidesMD5 = target.hidesMD5 || head.hidesMD5
    guard head.length == crc64.count, !PartProof.isOther(head.checksum, than: crc64),
      hidesMD5 || !PartProof.isOther(head.etag, than: etag)
    else { throw Self.damaged }
    return UploadedObject(length: head.length, etag: head.etag)
  }

  private func request(_ crc64: CRC64NVME, _ condition: UploadCondition?) -> BucketRequest {
    // It also runs to its end: what became of it would have to be found out anyway.
    var request = target.lastRequest(.post, query: [(name: "uploadId", value: uploadID)])
    request.headers = [HTTPHeader("x-amz-mp-object-size", "\(crc64.count)")]
    if let condition { request.headers.append(condition.header) }
    if target.hasChecksums {
      request.headers += [
        HTTPHeader("x-amz-checksum-crc64nvme", crc64.text),
        HTTPHeader("x-amz-checksum-type", "FULL_OBJECT"),
      ]
    }
    request.headers.append(HTTPHeader("Content-Type", "application/xml"))
    request.body = HTTPBody(Self.document(parts, hasChecksums: target.hasChecksums))
    // Putting 10,000 parts together may take minutes, with or without a space now and then.
    request.timeouts.firstByte = 300_000
    request.timeouts.stall = 300_000
    return request
  }

  /// The list of parts.
  static func document(_ parts: [PartSender.Sent], hasChecksums: Bool) -> [UInt8] {
    var text =
      "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    for (index, part) in parts.enumerated() {
      text += "<Part>"
      if hasChecksums { text += "<ChecksumCRC64NVME>\(part.crc64.text)</ChecksumCRC64NVME>" }
      // `isETag` has refused what would need to be escaped.
      text += "<ETag>\(part.etag)</ETag><PartNumber>\(index + 1)</PartNumber></Part>"
    }
    return Array((text + "</CompleteMultipartUpload>").utf8)
  }
}

extension StoreFault {
  fileprivate func dropsChecksums(of target: UploadTarget) -> Bool {
    target.hasChecksums && target.dropChecksums(after: self)
  }
}
