internal import Glibc

/// A file without a name, gone when the program ends in whatever way.
public final class ScratchFile {
  private let descriptor: Int32
  private let path: [UInt8]

  /// Makes an empty file.
  ///
  /// - Parameter path: of any file in the folder on whose disk the bytes are kept.
  /// - Throws: `SystemError` when the folder cannot be written.
  public init(besides path: [UInt8]) throws(SystemError) {
    self.path = path
    let folder = AtomicFile.folder(of: path)
    let unnamed = folder.withCPath { open($0, O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600) }
    if unnamed >= 0 {
      descriptor = unnamed
      return
    }
    guard errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL else {
      throw SystemError("create a temporary file beside", path: path)
    }
    let hidden = AtomicFile.hiddenName(for: path, in: folder)
    let named = hidden.withCPath { open($0, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600) }
    guard named >= 0 else { throw SystemError("create a temporary file beside", path: path) }
    _ = hidden.withCPath { unlink($0) }
    descriptor = named
  }

  deinit { close(descriptor) }

  /// Writes `bytes` at `offset`.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let count = retryingInterrupts {
        pwrite(
          descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
      }
      guard count > 0 else { throw SystemError("write a temporary file beside", path: path) }
      done += count
    }
  }

  /// Fills `buffer` from `offset`.
  public func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let count = retryingInterrupts {
        pread(
          descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
      }
      guard count > 0 else {
        throw SystemError(
          "read a temporary file beside", path: path, code: count == 0 ? EIO : errno)
      }
      done += count
    }
  }
}
