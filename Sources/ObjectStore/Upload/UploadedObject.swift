import HTTP

/// An object that an upload has made.
package struct UploadedObject: Equatable, Sendable {
  package var length: UInt64
  package var etag: String

  /// Removes it, unless another one has its name now.
  ///
  /// - Returns: why it is still there.
  package func withdraw(from location: ObjectLocation, in store: Store) -> StoreError? {
    do throws(StoreError) {
      guard case .bucket(let bucket, let key) = location,
        let head = try ObjectHead(of: location, in: store, isStopped: { false }), head.etag == etag
      else { return nil }
      var request = BucketRequest(bucket, key, headers: [HTTPHeader("If-Match", etag)])
      request.method = .delete
      request.isStopped = { false }
      let answer = try store.send(request)
      if (200..<300).contains(answer.status) || [404, 412].contains(answer.status) { return nil }
      return answer.status == 403
        ? StoreError(.denied, "access denied: the permission s3:DeleteObject is missing")
        : StoreFault(answer).uploadError(about: location)
    } catch { return error }
  }
}
