import Glibc

/// A file in memory that has a path as long as the value lives.
public final class MemoryFile {
  private let descriptor: Int32

  public init(_ bytes: [UInt8]) {
    descriptor = memfd_create("test", UInt32(MFD_CLOEXEC))
    precondition(descriptor >= 0)
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    precondition(written == bytes.count)
  }

  deinit { close(descriptor) }

  public var path: [UInt8] { Array("/proc/self/fd/\(descriptor)".utf8) }
}

/// A pipe with bytes to read, at most 64 KiB of them.
public final class Pipe {
  private let end: Int32

  public init(_ bytes: [UInt8]) {
    var ends: [Int32] = [-1, -1]
    precondition(pipe2(&ends, O_CLOEXEC) == 0 && bytes.count <= 64 << 10)
    end = ends[0]
    let written = bytes.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
    precondition(written == bytes.count)
    close(ends[1])
  }

  deinit { close(end) }

  public var path: [UInt8] { Array("/proc/self/fd/\(end)".utf8) }
}
