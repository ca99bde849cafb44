import HTTP

/// Sends one part of an upload, until the store has it.
struct PartSender: Sendable {
  let target: UploadTarget
  let uploadID: String
  /// Whether the upload has been given up.
  let isEnding: @Sendable () -> Bool

  /// A part that the store has.
  struct Sent: Sendable {
    var etag: String
    var md5: [UInt8]
    var crc64: CRC64NVME
  }

  /// How often a part may arrive damaged.
  private static let mostDamages = 3

  /// - Throws: `StoreError` if the store does not take it.
  func send(_ body: HTTPBody, as number: Int) throws(StoreError) -> Sent {
    let digests = try BodyDigests(of: body)
    var body = body
    body.sha256 = digests.sha256
    let store = target.store
    let isStopped: @Sendable () -> Bool = { [isEnding] in isEnding() || store.isStopped }
    let progress = SendingProgress(of: body.count, target.options.progress)
    var attempts = Attempts(
      Attempts.ofRepeatedRequests, firstDelay: target.options.firstDelay)
    var damages = 0
    while true {
      var request = target.request(
        .put, query: [("partNumber", "\(number)"), ("uploadId", uploadID)],
        headers: target.proof(digests))
      request.body = body
      request.isStopped = isStopped
      request.sending = { progress.reached($0) }
      let hasChecksums = target.hasChecksums
      let answer: HTTPAnswer
      do throws(StoreError) { answer = try store.send(request) } catch {
        guard error.code == .unreachable, attempts.again(unless: isStopped) else { throw error }
        continue
      }
      if answer.status == 200 {
        guard let etag = answer.header("ETag"), UploadAnswers.isETag(etag) else {
          throw StoreError(.badAnswer, "the store sends no ETag for part \(number)")
        }
        if target.hidesMD5 || !PartProof.isOther(etag, than: digests.md5, answer) {
          return Sent(etag: etag, md5: digests.md5, crc64: digests.crc64)
        }
        damages += 1
        guard damages < Self.mostDamages else {
          throw StoreError(
            .badAnswer, "the store keeps other bytes of part \(number) than were sent")
        }
        continue
      }
      let fault = StoreFault(answer)
      if ["BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest"].contains(fault.code) {
        damages += 1
        guard damages < Self.mostDamages else {
          throw StoreError(
            .badAnswer,
            "part \(number) arrives damaged; has the file changed, or is a network device broken?")
        }
        continue
      }
      // One store takes no part twice, although the answer to the first may have been lost.
      if answer.status == 501, try isThere(number, digests, body.count) {
        return Sent(
          etag: PartProof.single(digests.md5), md5: digests.md5, crc64: digests.crc64)
      }
      if hasChecksums, !target.hasChecksums || target.dropChecksums(after: fault) { continue }
      let mayHelp =
        answer.status >= 500 && answer.status != 501 || answer.status == 429
        || fault.code == "RequestTimeout"
      guard mayHelp, attempts.again(unless: isStopped) else {
        throw fault.uploadError(about: target.location)
      }
    }
  }

  private func isThere(
    _ number: Int, _ digests: BodyDigests, _ length: Int
  ) throws(StoreError) -> Bool {
    let answer = try target.store.send(
      target.request(
        .get,
        query: [
          (name: "max-parts", value: "1"), (name: "part-number-marker", value: "\(number - 1)"),
          (name: "uploadId", value: uploadID),
        ]))
    guard answer.status == 200, let list = try? UploadAnswers.parts(answer.body) else {
      return false
    }
    return list.contains {
      $0.number == number && $0.length == UInt64(length)
        && $0.etag == PartProof.single(digests.md5)
    }
  }
}
