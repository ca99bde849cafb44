extension StoreFault {
  /// Whether the request may succeed later, or may have succeeded although the answer says otherwise.
  var isPassing: Bool { status >= 500 && status != 501 || status == 429 || Self.isPassing(code) }

  /// The same for an error that came with the status 200.
  static func isPassing(_ code: String?) -> Bool {
    ["InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"]
      .contains(code)
  }

  /// The error for people, of a request that writes.
  func uploadError(about location: ObjectLocation) -> StoreError {
    switch (status, code) {
    case (_, "NoSuchUpload"):
      StoreError(
        .notFound, "the upload was aborted by others, or by a rule of the bucket; begin again")
    case (_, "InvalidAccessKeyId"), (_, "SignatureDoesNotMatch"), (_, "RequestTimeTooSkewed"),
      (_, "RequestExpired"), (_, "RequestInTheFuture"):
      error(about: location)
    case (403, _):
      StoreError(.denied, "access denied: the permission s3:PutObject is missing\(detail)")
    case (200, _):
      StoreError(.badAnswer, "the store refuses to put the parts together\(detail)")
    case (501, _):
      StoreError(.badAnswer, "the store does not know one of the options\(detail)")
    case (507, _): StoreError(.denied, "the store is full\(detail)")
    default: error(about: location)
    }
  }
}

extension StoreError {
  /// The error for an object that is in the bucket, but cannot be read back.
  package init(afterUpload error: any Error) {
    self =
      switch error as? StoreError {
      case let error? where error.code == .unproved: error
      case let error? where [.exists, .replaced].contains(error.code): ObjectUpload.overtaken
      default: StoreError(.unproved, "uploaded, but could not be read back: \(error)")
      }
  }

  /// The same, of an object that may be in the bucket.
  var inDoubt: StoreError {
    StoreError(.unproved, "it is not known whether the object is there: \(message)")
  }
}
