import Glibc

/// A file in memory with the fuzzer's input, for the reader to open by path.
public final class MemoryFile {
  private let descriptor: Int32

  public init(_ bytes: UnsafeRawBufferPointer) {
    descriptor = memfd_create("fuzz", 0)
    precondition(descriptor >= 0)
    append(bytes)
  }

  deinit { close(descriptor) }

  public func append(_ bytes: UnsafeRawBufferPointer) {
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      precondition(count > 0)
      done += count
    }
  }

  public var path: [UInt8] { Array("/proc/self/fd/\(descriptor)".utf8) }
}
