import HTTP

/// Begins an upload of parts.
struct Creation {
  let target: UploadTarget

  /// - Returns: the upload's ID.
  /// - Throws: `StoreError`.
  func run() throws(StoreError) -> String {
    let store = target.store
    let isStopped: () -> Bool = { store.isStopped }
    var attempts = Attempts(
      Attempts.ofSingleRequests, firstDelay: target.options.firstDelay)
    while true {
      var headers = target.creationHeaders
      if target.hasChecksums {
        headers += [
          HTTPHeader("x-amz-checksum-algorithm", "CRC64NVME"),
          HTTPHeader("x-amz-checksum-type", "FULL_OBJECT"),
        ]
      }
      let answer: HTTPAnswer
      do throws(StoreError) {
        // It runs to its end: an upload without a known ID could not be aborted.
        answer = try store.send(
          target.lastRequest(.post, query: [("uploads", "")], headers: headers))
      } catch {
        guard error.code == .unreachable else { throw error }
        target.options.warn(
          "an answer of the store was lost: an upload without parts may be left, which \"autosquash "
            + "doctor\" shows")
        guard attempts.again(unless: isStopped) else { throw error }
        continue
      }
      if answer.status == 200 { return try UploadAnswers.uploadID(answer.body) }
      let fault = StoreFault(answer)
      if target.hasChecksums, target.dropChecksums(after: fault) { continue }
      guard fault.isPassing, attempts.again(unless: isStopped) else {
        throw fault.uploadError(about: target.location)
      }
    }
  }
}
