import Glibc
import Posix

/// The first bytes in a pipe, read without consuming them.
///
/// The pipe stays open as long as this value: a named one must not lose its only reader before
/// the actual reading.
package final class PipeStart {
  /// Empty for an empty pipe.
  package let bytes: [UInt8]
  private let path: [UInt8]
  private let descriptor: Int32

  /// - Returns: `nil` if it is not a pipe, or unreadable.
  package init?(_ path: [UInt8], count: Int) {
    guard Self.isPipe(path) else { return nil }
    descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    self.path = path
    bytes = Self.look(into: descriptor, count: count)
  }

  deinit { close(descriptor) }

  /// Whether a path leads to a pipe.
  package static func isPipe(_ path: [UInt8]) -> Bool {
    stat(at: path).map { $0.st_mode & S_IFMT == S_IFIFO } == true
  }

  private static func look(into descriptor: Int32, count: Int) -> [UInt8] {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { return [] }
    defer {
      close(ends[0])
      close(ends[1])
    }
    // Waits for data.
    guard retryingInterrupts({ tee(descriptor, ends[1], count, 0) }) > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, retryingInterrupts { read(ends[0], buffer.baseAddress!, buffer.count) })
    }
  }

  /// Calls `body`, which reopens the pipe, without waiting for a writer: the only one may have
  /// written everything and left.
  package func reopening<R>(_ body: () throws -> R) rethrows -> R {
    let writer = path.withCPath { open($0, O_WRONLY | O_NONBLOCK | O_CLOEXEC) }
    defer { if writer >= 0 { close(writer) } }
    return try body()
  }
}
