import Automount
import ObjectStore
import Posix

/// What to do about a store's errors.
struct StoreAdvice {
  /// A bucket, with the beginning of its keys.
  let bucket: String
  let prefix: [UInt8]
  let server: String

  private var resource: String { "arn:aws:s3:::\(bucket)" }

  /// - Parameter action: what was asked for.
  func remedy(_ error: StoreError, for action: Action) -> String {
    switch error.code {
    case .credentials:
      return error.partsOfMessage.advice
        ?? "aws sts get-caller-identity shows whether the AWS tools have some"
    case .invalid: return "correct it"
    case .notTrusted:
      return "name the certificate of its authority with --ca-bundle, or AWS_CA_BUNDLE"
    case .unreachable: return "curl -sSI \(Array(server.utf8).shellWord) shows what is in the way"
    case .notFound: return "compare the bucket's name, region and endpoint with: aws s3 ls"
    case .denied:
      return "allow s3:\(action.permission) on"
        + " \(action == .list ? resource : resource + "/" + prefix.escapedName + "*")"
        + ", or choose other credentials with --profile"
    case .badAnswer, .replaced, .exists, .unproved:
      return "ask whoever runs \(server), or name another endpoint with --endpoint-url"
    }
  }

  enum Action {
    case list, read

    var permission: String { self == .list ? "ListBucket" : "GetObject" }
  }
}

extension StoreError {
  /// What is wrong, without the advice about credentials.
  var finding: String { partsOfMessage.problem }

  /// Messages about credentials end with what to do.
  fileprivate var partsOfMessage: (problem: String, advice: String?) {
    guard code == .credentials, let end = message.firstIndex(of: ";") else { return (message, nil) }
    return (String(message[..<end]), String(message[end...].drop { ";  ".contains($0) }))
  }
}

extension [ObjectListing.Object] {
  /// The smallest image that has at least a superblock, else the smallest that is not empty.
  var smallest: ObjectListing.Object? {
    filter { $0.length > 0 }.min {
      let isWhole = [$0, $1].map { $0.length >= UInt64(ImageCheck.startSize) }
      return isWhole[0] == isWhole[1] ? $0.length < $1.length : isWhole[0]
    }
  }
}
