import HTTP

/// Puts the parts of an upload together to an object, and makes sure what became of it.
struct Completion {
  let target: UploadTarget
  let uploadID: String
  /// In order.
  let parts: [PartSender.Sent]

  /// - Throws: `StoreError`; the upload may be left.
  func run() throws(StoreError) -> UploadedObject {
    var crc64 = CRC64NVME()
    for part in parts { crc64.append(part.crc64) }
    let etag = PartProof.composite(parts.map(\.md5))
    var attempts = Attempts(
      Attempts.ofSingleRequests, firstDelay: target.options.firstDelay)
    var condition: UploadCondition? = target.condition
    while true {
      let answer: HTTPAnswer
      do throws(StoreError) {
        answer = try target.store.send(request(crc64, condition))
      } catch {
        guard error.code == .unreachable else { throw error }
        if let head = try settled(etag, crc64, orElse: error, &attempts) {
          return try proven(head, crc64)
        }
        continue
      }
      let fault = StoreFault(answer)
      if answer.status == 200 {
        switch try? UploadAnswers.completion(answer.body) {
        case .object(_, let checksum)?:
          guard !PartProof.isOther(checksum, than: crc64) else { throw Self.damaged }
          return try proven(confirmed(etag: etag, crc64.count), crc64)
        case .fault(let code)? where !StoreFault.isPassing(code):
          throw fault.uploadError(about: target.location)
        default: break
        }
      } else if answer.status == 501, condition != nil {
        condition = nil
        target.warnOfNoCondition()
        continue
      } else if fault.dropsChecksums(of: target) {
        continue
      } else if ![404, 409, 412].contains(answer.status), !fault.isPassing {
        throw fault.uploadError(about: target.location)
      }
      // An earlier try may have succeeded: of this program, or of the network's own.
      let error =
        answer.status == 412
        ? target.condition.violation : fault.uploadError(about: target.location)
      if let head = try settled(
        etag, crc64, orElse: error, &attempts, mayRepeat: ![404, 412].contains(answer.status))
      {
        return try proven(head, crc64)
      }
    }
  }

  private static let damaged = StoreError(
    .badAnswer,
    "the store's checksum of the object is not that of the bytes sent; remove the object")

  /// - Returns: the object, if it is there; `nil` to try again.
  private func settled(
    _ etag: String, _ crc64: CRC64NVME, orElse error: StoreError, _ attempts: inout Attempts,
    mayRepeat: Bool = true
  ) throws(StoreError) -> ObjectHead? {
    let owner: UploadTarget.Owner
    do throws(StoreError) { owner = try target.owner(etag: etag, length: crc64.count) } catch {
      throw StoreError(
        .unreachable,
        "it is not known whether the object is complete, since the store does not answer"
          + " any more: \(error.message)")
    }
    switch (owner, target.condition) {
    case (.this(let head), _): return head
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
    guard case .this(let head) = try target.owner(etag: etag, length: length) else {
      throw UploadTarget.overtaken
    }
    return head
  }

  private func proven(_ head: ObjectHead, _ crc64: CRC64NVME) throws(StoreError) -> UploadedObject {
    guard head.length == crc64.count, !PartProof.isOther(head.checksum, than: crc64) else {
      throw Self.damaged
    }
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
