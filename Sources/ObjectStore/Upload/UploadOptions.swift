import HTTP

/// What an upload says of its object, in the words of aws-cli.
package struct UploadOptions: Sendable {
  package var contentType = "application/octet-stream"
  package var metadata: [(name: String, value: String)] = []
  package var storageClass: String?
  /// `AES256`, `aws:kms` or `aws:kms:dsse`.
  package var encryption: String?
  /// The KMS key to encrypt with.
  package var encryptionKey: String?
  /// Tags, as `NAME=VALUE&NAME=VALUE`.
  package var tagging: String?
  /// A canned ACL, such as `bucket-owner-full-control`.
  package var acl: String?
  /// How many parts may be on their way at once; each stays in memory, unless it is in a file.
  package var mostInFlight = 4
  /// The wait before the second try of a part or of the completion, in milliseconds; each further one
  /// is twice as long.
  package var firstDelay = 500
  /// Tells people something about the store, on any thread.
  package var warn: @Sendable (String) -> Void = { _ in }
  /// Called with an upload that was begun to find out something, and could not be aborted.
  package var left: @Sendable (UnfinishedUpload) -> Void = { _ in }
  /// Called with the number of bytes that have gone out, on any thread; it is negative when they must
  /// be sent again. It must not block.
  package var progress: @Sendable (Int) -> Void = { _ in }

  package init() {}

  /// The headers of the request that creates the object.
  var headers: [HTTPHeader] {
    let named: [(String, String?)] = [
      ("Content-Type", contentType), ("x-amz-storage-class", storageClass),
      ("x-amz-server-side-encryption", encryption),
      ("x-amz-server-side-encryption-aws-kms-key-id", encryptionKey), ("x-amz-tagging", tagging),
      ("x-amz-acl", acl),
    ]
    return named.compactMap { name, value in value.map { HTTPHeader(name, $0) } }
      + metadata.map { HTTPHeader("x-amz-meta-\($0.name)", $0.value) }
  }
}

/// What must hold when an object gets its name.
package enum UploadCondition: Equatable, Sendable {
  /// There is none with that name.
  case absent
  /// It replaces this version.
  case version(etag: String)

  var header: HTTPHeader {
    switch self {
    case .absent: HTTPHeader("If-None-Match", "*")
    case .version(let etag): HTTPHeader("If-Match", etag)
    }
  }

  /// The error for an object that is there instead.
  var violation: StoreError {
    switch self {
    case .absent: StoreError(.exists, "there is an object with this name already")
    case .version:
      StoreError(
        .replaced, "the object that was to be replaced has been replaced or removed by others")
    }
  }
}
