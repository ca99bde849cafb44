import HTTP

/// Uploads an object by one request.
struct SmallUpload {
  let target: UploadTarget

  /// - Throws: `StoreError`.
  func run(_ body: HTTPBody) throws(StoreError) -> UploadedObject {
    let digests = try BodyDigests(of: body)
    var body = body
    body.sha256 = digests.sha256
    let etag = PartProof.single(digests.md5)
    var condition: UploadCondition? = target.condition
    var attempts = Attempts(
      Attempts.ofRepeatedRequests, firstDelay: target.options.firstDelay)
    let store = target.store
    let progress = SendingProgress(of: body.count, target.options.progress)
    while true {
      var request = target.request(
        .put, headers: target.creationHeaders + target.proof(digests))
      if let condition { request.headers.append(condition.header) }
      request.body = body
      request.sending = { progress.reached($0) }
      // Once the store has all of it, the object will be there, with or without anybody waiting.
      request.isStopped = { store.isStopped && !progress.isWhole }
      var error = target.condition.violation
      var mayRepeat = true
      do throws(StoreError) {
        let answer = try store.send(request)
        let fault = StoreFault(answer)
        if answer.status == 200 {
          guard let head = try head(etag, digests) else {
            throw UploadTarget.overtaken
          }
          return try proven(head, digests, answer)
        }
        if answer.status == 501, condition != nil, !target.hasChecksums {
          condition = nil
          target.warnOfNoCondition()
          continue
        }
        if target.hasChecksums, target.dropChecksums(after: fault) { continue }
        if answer.status != 412 { error = fault.uploadError(about: target.location) }
        mayRepeat = fault.isPassing || answer.status == 409 || fault.code == "BadDigest"
        guard mayRepeat || answer.status == 412 else { throw error }
      } catch let failure {
        guard failure.code == .unreachable else { throw failure }
        error = failure
      }
      // The answer to an earlier try may have been lost.
      if let head = try head(etag, digests) { return try proven(head, digests, nil) }
      guard mayRepeat, attempts.again(unless: { store.isStopped }) else { throw error }
    }
  }

  private func head(_ etag: String, _ digests: BodyDigests) throws(StoreError) -> ObjectHead? {
    if case .this(let head) = try target.owner(etag: etag, length: digests.crc64.count) {
      return head
    }
    return nil
  }

  private func proven(
    _ head: ObjectHead, _ digests: BodyDigests, _ answer: HTTPAnswer?
  ) throws(StoreError) -> UploadedObject {
    let isOther =
      head.length != digests.crc64.count || PartProof.isOther(head.checksum, than: digests.crc64)
      || answer.map { isOtherETag($0, digests) } ?? false
    guard !isOther else {
      throw StoreError(.badAnswer, "the store keeps other bytes than were sent; remove the object")
    }
    return UploadedObject(length: head.length, etag: head.etag)
  }

  private func isOtherETag(_ answer: HTTPAnswer, _ digests: BodyDigests) -> Bool {
    guard !target.hidesMD5, let etag = answer.header("ETag") else { return false }
    return PartProof.isOther(etag, than: digests.md5, answer)
  }
}
