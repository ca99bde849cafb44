import Glibc

/// A file without a name, gone however the program ends.
public final class ScratchFile: Sendable {
  private let descriptor: Descriptor
  private let folder: HostPath

  /// Makes an empty file.
  ///
  /// - Parameter path: any file in the folder whose disk should hold the bytes.
  /// - Throws: `SystemError` if the folder is not writable.
  public init(beside path: HostPath) throws(SystemError) {
    folder = path.parent
    if let unnamed = Descriptor(opening: folder.bytes, O_TMPFILE | O_RDWR, mode: 0o600) {
      descriptor = unnamed
      return
    }
    let action = "create a temporary file"
    let code = errno
    guard [EOPNOTSUPP, EISDIR, EINVAL].contains(code) else {
      throw SystemError(action, path: folder, code: code)
    }
    let hidden = AtomicFile.hiddenName(for: path.bytes)
    guard let named = Descriptor(opening: hidden, O_CREAT | O_EXCL | O_RDWR, mode: 0o600) else {
      throw SystemError(action, path: folder)
    }
    _ = hidden.withCPath { unlink($0) }
    descriptor = named
  }

  /// Writes `bytes` at `offset`.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    guard writeFully(descriptor.number, bytes, at: offset) else {
      throw SystemError("write a temporary file", path: folder)
    }
  }

  /// Fills `buffer` from `offset`.
  public func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(SystemError) {
    let count = readFully(descriptor.number, into: buffer, at: offset)
    guard count == buffer.count else {
      throw SystemError("read a temporary file", path: folder, code: count < 0 ? errno : EIO)
    }
  }
}
