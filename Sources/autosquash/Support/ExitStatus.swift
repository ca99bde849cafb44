import Automount
import FileTrees
import ObjectStore
import SquashFS
import Uploading

/// Exit statuses, as diff(1) and cmp(1) use them.
enum ExitStatus {
  static let failed: Int32 = 1
  static let unreadableInput: Int32 = 2

  /// The status for an error.
  static func of(_ error: any Error) -> Int32 {
    switch error {
    case let error as SourceError where [.unreadable, .changed].contains(error.code):
      unreadableInput
    case let error as ImageReadError where error.code != .damaged: unreadableInput
    case let error as UploadError: of(error.reason)
    case let error as StoreError where error.code == .exists: failed
    case is BucketError, is StoreError: unreadableInput
    default: failed
    }
  }
}
