import Glibc
import Posix

/// What this process and its children print on standard error for a while; for a process with one
/// thread.
enum CapturedErrors {
  /// - Returns: also the beginning of what was printed.
  static func during<R>(_ body: () -> R) -> (R, [UInt8]) {
    let file = memfd_create("messages", UInt32(MFD_CLOEXEC))
    let before = dup(STDERR_FILENO)
    guard file >= 0, before >= 0 else { return (body(), []) }
    dup2(file, STDERR_FILENO)
    let result = body()
    dup2(before, STDERR_FILENO)
    close(before)
    let output = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, readFully(file, into: UnsafeMutableRawBufferPointer(buffer), at: 0))
    }
    close(file)
    return (result, output)
  }
}
