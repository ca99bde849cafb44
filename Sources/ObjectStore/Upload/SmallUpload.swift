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
      let error: StoreError
      let mayRepeat: Bool
      let isInDoubt: Bool
      switch Result(catching: { () throws(StoreError) in try store.send(request) }) {
      case .success(let answer) where answer.status == 200:
        return try proven(answered(etag, digests), digests, answer)
      case .success(let answer):
        if answer.status == 501, condition != nil, !target.hasChecksums {
          condition = nil
          target.warnOfNoCondition()
          continue
        }
        let fault = StoreFault(answer)
        if target.hasChecksums, target.dropChecksums(after: fault) { continue }
        error =
          answer.status == 412
          ? target.condition.violation : fault.uploadError(about: target.location)
        mayRepeat = fault.isPassing || answer.status == 409 || fault.code == "BadDigest"
        isInDoubt = mayRepeat || answer.status == 412
      case .failure(let failure):
        guard [.unreachable, .badAnswer].contains(failure.code) else { throw failure }
        error = failure
        mayRepeat = true
        isInDoubt = progress.hasBegun
      }
      // The answer to an earlier try may have been lost, also within `send`.
      let head: ObjectHead?
      do throws(StoreError) { head = try self.head(etag, digests) } catch let failure {
        guard isInDoubt else { throw error }
        throw failure.inDoubt
      }
      if let head { return try proven(head, digests, nil) }
      guard mayRepeat, attempts.again(unless: { store.isStopped }) else { throw error }
    }
  }

  /// What the object's own head says, after the store has said that it is there.
  private func answered(_ etag: String, _ digests: BodyDigests) throws(StoreError) -> ObjectHead {
    let head: ObjectHead?
    do throws(StoreError) { head = try self.head(etag, digests, isAnswered: true) } catch {
      throw StoreError(afterUpload: error)
    }
    guard let head else { throw UploadTarget.overtaken }
    return head
  }

  private func head(
    _ etag: String, _ digests: BodyDigests, isAnswered: Bool = false
  ) throws(StoreError) -> ObjectHead? {
    if case .this(let head) = try target.owner(
      etag: etag, length: digests.crc64.count, isAnswered: isAnswered)
    {
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
      || !(target.hidesMD5 || head.hidesMD5)
        && PartProof.isOther(head.etag, than: PartProof.single(digests.md5))
    guard !isOther else {
      throw StoreError(.unproved, "the store keeps other bytes than were sent; remove the object")
    }
    return UploadedObject(length: head.length, etag: head.etag)
  }

  private func isOtherETag(_ answer: HTTPAnswer, _ digests: BodyDigests) -> Bool {
    guard !target.hidesMD5, let etag = answer.header("ETag") else { return false }
    return PartProof.isOther(etag, than: digests.md5, answer)
  }
}
