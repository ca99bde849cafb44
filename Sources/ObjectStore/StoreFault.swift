import HTTP

/// A store's refusal, as it says it.
struct StoreFault {
  let status: Int
  /// Such as `NoSuchKey`; `nil` if the answer has none.
  let code: String?
  private let message: String?
  /// The region of the bucket, if the store names it.
  let region: String?
  private let clockAdvice: String

  init(_ answer: HTTPAnswer) {
    status = answer.status
    let error = (try? XMLScanner.parse(answer.body)).flatMap { $0.name == "Error" ? $0 : nil }
    code = error?["Code"]?.string
    message = error?["Message"]?.string
    clockAdvice = ServiceClock.advice(answer)
    region = answer.header("x-amz-bucket-region") ?? error?["Region"]?.string
  }

  /// The error for people.
  func error(about location: ObjectLocation) -> StoreError {
    switch (status, code, location) {
    case (_, "NoSuchBucket", .bucket(let bucket, _)):
      StoreError(.notFound, "there is no bucket \(bucket)")
    case (404, _, .bucket): StoreError(.notFound, "there is no such object in the bucket")
    case (404, _, .web), (410, _, .web): StoreError(.notFound, "the server has no such file")
    case (_, "InvalidAccessKeyId", _), (_, "SignatureDoesNotMatch", _):
      StoreError(.denied, "the store does not accept these credentials\(detail)")
    case (_, "RequestTimeTooSkewed", _), (_, "RequestExpired", _), (_, "RequestInTheFuture", _):
      StoreError(.credentials, "\(clockAdvice)\(detail)")
    case (_, "ExpiredToken", _), (_, "InvalidToken", _), (_, "TokenRefreshRequired", _):
      StoreError(.denied, "the credentials have expired; log in again\(detail)")
    case (403, _, .bucket(_, key: let key)) where key.isEmpty:
      StoreError(.denied, "access denied: the permission s3:ListBucket is missing\(detail)")
    case (403, _, .bucket):
      StoreError(
        .denied,
        "access denied: the permission s3:GetObject is missing; or there is no such object, which "
          + "the store tells only with s3:ListBucket\(detail)")
    case (401, _, _), (403, _, _):
      StoreError(.denied, "the server denies access; has a presigned URL expired?\(detail)")
    case (500..., _, _):
      StoreError(.unreachable, "the server fails with status \(status)\(detail); try again later")
    default: StoreError(.badAnswer, "the server answers with status \(status)\(detail)")
    }
  }

  /// What the store says, as far as it can be shown.
  var detail: String {
    let text = [code, message].compactMap(\.self).joined(separator: ": ")
    let safe = text.unicodeScalars.filter { $0.value >= 0x20 && $0.value < 0x7f }.prefix(200)
    return safe.isEmpty ? "" : " (\(String(String.UnicodeScalarView(safe))))"
  }
}
