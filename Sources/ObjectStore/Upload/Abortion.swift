import HTTP
import Posix

/// Removes what a store has of an upload.
struct Abortion {
  let target: UploadTarget
  let uploadID: String

  private var query: [(name: String, value: String)] { [(name: "uploadId", value: uploadID)] }

  /// Asks the store once.
  ///
  /// - Returns: the reason if it refuses.
  @discardableResult func ask() -> StoreError? {
    do throws(StoreError) {
      let answer = try target.store.send(target.lastRequest(.delete, query: query))
      let fault = StoreFault(answer)
      if (200..<300).contains(answer.status) || answer.status == 404 { return nil }
      return fault.abortError(about: target.location)
    } catch { return error }
  }

  /// Removes an upload to which nothing was sent.
  func ofNoParts() -> UnfinishedUpload? {
    ask().map { UnfinishedUpload(location: target.location, id: uploadID, reason: $0.message) }
  }

  /// Asks again when no part is on its way any more, and makes sure that there is nothing.
  func finish() -> UnfinishedUpload? {
    var refusal: StoreError?
    for _ in 0..<3 {
      refusal = ask()
      guard refusal == nil else { break }
      switch hasParts {
      case false?: return nil
      // Who may write need not be allowed to list.
      case nil: return nil
      case true?: continue
      }
    }
    return UnfinishedUpload(
      location: target.location, id: uploadID,
      reason: refusal?.message ?? "the store keeps parts of it")
  }

  /// `nil` if the store does not tell.
  private var hasParts: Bool? {
    guard let answer = try? target.store.send(target.lastRequest(.get, query: query)) else {
      return nil
    }
    if answer.status == 404 { return false }
    guard answer.status == 200, let parts = try? UploadAnswers.parts(answer.body) else {
      return nil
    }
    return !parts.isEmpty
  }
}

/// An upload whose parts cost money until somebody aborts it.
package struct UnfinishedUpload: Equatable, Sendable {
  package var location: ObjectLocation
  package var id: String
  /// Why it could not be aborted.
  package var reason: String

  package init(location: ObjectLocation, id: String, reason: String) {
    self.location = location
    self.id = id
    self.reason = reason
  }

  /// What people should know of it.
  ///
  /// - Parameter endpoint: the URL of a store other than AWS's.
  package func advice(endpoint: String?) -> String {
    "parts of an upload are left, which cost money: \(reason); "
      + "\(abortCommand(endpoint: endpoint)) removes them"
  }

  /// The command that aborts it.
  ///
  /// - Parameter endpoint: the URL of a store other than AWS's.
  package func abortCommand(endpoint: String?) -> String {
    guard case .bucket(let bucket, let name) = location else { return "" }
    let (key, id) = (name.shellWord, Array(self.id.utf8).shellWord)
    return "aws s3api abort-multipart-upload --bucket \(bucket) --key \(key) --upload-id \(id)"
      + (endpoint.map { " --endpoint-url \(Array($0.utf8).shellWord)" } ?? "")
  }
}

extension StoreFault {
  fileprivate func abortError(about location: ObjectLocation) -> StoreError {
    status == 403
      ? StoreError(
        .denied, "access denied: the permission s3:AbortMultipartUpload is missing\(detail)")
      : uploadError(about: location)
  }
}
