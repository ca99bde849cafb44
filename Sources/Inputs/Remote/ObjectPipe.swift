import FileTrees
import Glibc
import ObjectStore
import Posix
import Synchronization

/// An object as a stream, for readers of archives and lists: a pipe that a thread fills.
///
/// A broken connection is resumed where it broke, with the same version of the object.
package final class ObjectPipe {
  /// The pipe's reading end, by a name that can be opened.
  package let path: [UInt8]
  private let name: [UInt8]
  private let reader: Int32
  private let problem = ProblemBox()

  private final class ProblemBox: Sendable {
    let error = Mutex<StoreError?>(nil)
  }

  /// - Parameter name: of an object that `RemoteObjects.isRemote`.
  /// - Throws: `SourceError` if it cannot be opened.
  package init(_ name: [UInt8]) throws {
    let object: RemoteObject
    do throws(StoreError) { object = try RemoteObjects.open(name) } catch {
      throw SourceError(.unreadable, path: name, error.message)
    }
    self.name = name
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe") }
    reader = ends[0]
    path = Array("/proc/self/fd/\(reader)".utf8)
    let writer = ends[1]
    // A wish; less is no error.
    _ = fcntl(writer, F_SETPIPE_SZ, 1 << 20)
    let problem = problem
    do {
      try WorkerThread { Self.copy(object, to: writer, problem) }.detach()
    } catch {
      close(reader)
      close(writer)
      throw error
    }
  }

  deinit { close(reader) }

  /// Calls `body` with a path that can be opened: that of a pipe if the name is an object's.
  ///
  /// - Throws: `SourceError` if the object cannot be read to its end; what `body` throws.
  package static func withPath<R>(
    of name: [UInt8], _ body: ([UInt8]) throws -> R
  ) throws -> R {
    guard RemoteObjects.isRemote(name) else { return try body(name) }
    let pipe = try ObjectPipe(name)
    let result: R
    do { result = try body(pipe.path) } catch { throw pipe.explained(error) }
    try pipe.check()
    return result
  }

  /// Makes sure that the stream was whole: a reader may take its early end for the end.
  ///
  /// - Throws: `SourceError` if the object could not be read.
  package func check() throws {
    if let reason = problem.error.withLock({ $0 }) {
      throw SourceError(.unreadable, path: name, reason.message)
    }
  }

  /// The reason behind a reader's error: a stream that ended early, if it did.
  package func explained(_ error: any Error) -> any Error {
    if let reason = problem.error.withLock({ $0 }) {
      return SourceError(.unreadable, path: name, reason.message)
    }
    guard var error = error as? SourceError, error.path == path else { return error }
    error.path = name
    return error
  }

  private static func copy(_ object: RemoteObject, to writer: Int32, _ problem: ProblemBox) {
    // A reader that stops early is no reason to end the program.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer {
      buffer.deallocate()
      close(writer)
    }
    object.willRead(inOrder: [0..<object.length])
    var offset: UInt64 = 0
    while offset < object.length {
      let count: Int
      do throws(StoreError) { count = try object.read(buffer, at: offset) } catch {
        problem.error.withLock { $0 = error }
        return
      }
      var done = 0
      while done < count {
        let written = retryingInterrupts {
          write(writer, buffer.baseAddress! + done, count - done)
        }
        guard written > 0 else { return }
        done += written
      }
      offset += UInt64(count)
    }
  }
}
