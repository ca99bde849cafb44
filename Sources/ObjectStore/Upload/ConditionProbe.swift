import HTTP

/// Finds out whether a store keeps to the conditions of uploads, without writing anything: it asks for
/// a completion that cannot succeed, on the condition that an object does not exist which does.
struct ConditionProbe {
  static let warning =
    "this store ignores conditions: of two uploads to one name at the same moment, the later one "
    + "replaces the earlier one; use names that nobody else uploads to"

  let target: UploadTarget

  /// - Returns: `nil` if the store does not tell.
  func isHonoured() throws(StoreError) -> Bool? {
    let created = try target.store.send(target.lastRequest(.post, query: [("uploads", "")]))
    guard created.status == 200 else { return nil }
    let id = try UploadAnswers.uploadID(created.body)
    let query = [(name: "uploadId", value: id)]
    var request = target.lastRequest(.post, query: query, headers: [UploadCondition.absent.header])
    request.body = HTTPBody(
      Completion.document(
        [.init(etag: "\"00000000000000000000000000000000\"", md5: [], crc64: CRC64NVME())],
        hasChecksums: false))
    let answer = try? target.store.send(request)
    if let left = Abortion(target: target, uploadID: id).ofNoParts() { target.options.left(left) }
    guard let answer else { return nil }
    if answer.status == 412 { return true }
    return StoreFault(answer).isPassing ? nil : false
  }
}
