import Glibc

/// The errors that readers of a mounted image see.
enum ErrorNumber {
  /// Something damaged.
  static let unreadable = EIO
  /// A number that the kernel never got.
  static let stale = ESTALE
}
