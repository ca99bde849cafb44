import Glibc

/// Makes a file system that delays writes report their success or failure, as it does on close;
/// the descriptor stays open.
///
/// - Returns: 0, or -1 with `errno`.
public func flush(_ descriptor: Int32) -> Int32 {
  let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
  return copy < 0 ? -1 : close(copy)
}
