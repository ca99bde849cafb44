internal import Glibc

/// Has a file system that puts writing off say whether it could be done, as it does when a file is
/// closed; the descriptor stays open.
///
/// - Returns: 0, or -1 and `errno`.
public func flush(_ descriptor: Int32) -> Int32 {
  let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
  return copy < 0 ? -1 : close(copy)
}
