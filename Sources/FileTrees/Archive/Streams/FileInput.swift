import Glibc
import Posix

/// The bytes of a file or of standard input, unchanged.
package final class FileInput: ByteInput {
  let path: [UInt8]
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  package let length: Int64?
  package private(set) var position: Int64 = 0
  /// `nil` unless the input is a regular file.
  private let stamp: FileStamp?

  /// - Parameter path: `-` is standard input.
  package convenience init(path: [UInt8]) throws {
    if path == [UInt8(ascii: "-")], isatty(STDIN_FILENO) == 1 {
      throw SourceError(
        .unreadable, path: Array("standard input".utf8), "a terminal, not an archive",
        hint: "give an archive with <FILE, or through a pipe")
    }
    try self.init(
      path: path,
      owning: path == [UInt8(ascii: "-")]
        ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
        : path.withCPath { open($0, O_RDONLY | O_CLOEXEC) })
  }

  /// - Parameter descriptor: will be closed; negative if opening failed: `errno` says why.
  package init(path: [UInt8], owning descriptor: Int32) throws {
    self.path = path
    self.descriptor = descriptor
    guard descriptor >= 0 else {
      throw SourceError(.unreadable, path: path, "cannot open: \(SystemError.reason())")
    }
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    // Standard input may be in the middle of a file; read that as a stream.
    let isAtStart = isRegular && lseek(descriptor, 0, SEEK_CUR) == 0
    length = isAtStart ? Int64(status.st_size) : nil
    stamp = isRegular ? FileStamp(status) : nil
    stamp?.settle()
    if isRegular { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
  }

  /// The same file, from its start.
  ///
  /// - Returns: `nil` for an input that can be read only once.
  func again() throws -> FileInput? {
    guard isSeekable else { return nil }
    let name = Array("/proc/self/fd/\(descriptor)".utf8)
    return try FileInput(path: path, owning: name.withCPath { open($0, O_RDONLY | O_CLOEXEC) })
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  package var isSeekable: Bool { length != nil }

  /// Checks that all bytes read came from one state of the file.
  ///
  /// - Throws: `SourceError` if something wrote to it meanwhile.
  package func checkUnchanged() throws(SourceError) {
    guard let stamp, FileStamp(descriptor: descriptor) != stamp else { return }
    throw .changed(path)
  }

  package func next() throws -> UnsafeRawBufferPointer {
    let count = retryingInterrupts { read(descriptor, buffer.baseAddress!, buffer.count) }
    guard count >= 0 else {
      throw SourceError(.unreadable, path: path, "cannot read: \(SystemError.reason())")
    }
    position += Int64(count)
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  package func seek(to offset: Int64) throws {
    guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw SourceError(.unreadable, path: path, "cannot seek: \(SystemError.reason())")
    }
    position = offset
  }

  /// Up to `count` bytes at `offset`, for a file that can seek; keeps the position.
  func bytes(at offset: Int64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let more = retryingInterrupts {
          pread(
            descriptor, buffer.baseAddress! + initialized, count - initialized,
            off_t(offset) + off_t(initialized))
        }
        guard more >= 0 else {
          throw SourceError(
            .unreadable, path: path, "cannot read: \(SystemError.reason())")
        }
        if more == 0 { return }
        initialized += more
      }
    }
  }
}
