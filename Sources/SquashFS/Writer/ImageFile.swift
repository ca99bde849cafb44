internal import Glibc
internal import Posix

/// The image under construction: bytes are appended at its end, and read back to compare.
final class ImageFile {
  private let file: AtomicFile
  /// Where the next byte goes.
  private(set) var position: UInt64 = 0

  init(_ file: AtomicFile) { self.file = file }

  /// Appends `bytes`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try write(bytes, at: position)
    position += UInt64(bytes.count)
    if position >= writtenBack + Self.writeBackUnit {
      // Lets the disk start now instead of at the end, when everybody waits for the sync.
      sync_file_range(
        file.descriptor, off_t(writtenBack), off_t(position - writtenBack),
        UInt32(SYNC_FILE_RANGE_WRITE))
      writtenBack = position
    }
  }

  private var writtenBack: UInt64 = 0
  private static let writeBackUnit: UInt64 = 8 << 20

  /// Overwrites what is at `offset`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let written = retryingInterrupts {
        pwrite(
          file.descriptor, bytes.baseAddress! + done, bytes.count - done,
          off_t(offset) + off_t(done))
      }
      guard written > 0 else { throw SystemError("write", path: file.path) }
      done += written
    }
  }

  /// Leaves `count` bytes to be overwritten later.
  func skip(_ count: Int) { position += UInt64(count) }

  /// Forgets everything from `position` on.
  func rewind(to position: UInt64) {
    self.position = position
    writtenBack = min(writtenBack, position)
  }

  /// Fills `buffer` from `offset`.
  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let count = retryingInterrupts {
        pread(
          file.descriptor, buffer.baseAddress! + done, buffer.count - done,
          off_t(offset) + off_t(done))
      }
      guard count > 0 else {
        throw SystemError("read back", path: file.path, code: count == 0 ? EIO : errno)
      }
      done += count
    }
  }

  /// Sets the file's length to `position`, rounded up to a multiple of `unit`.
  func pad(to unit: UInt64) throws(SystemError) {
    let length = (position + unit - 1) / unit * unit
    // First to the end of what counts: beyond it there may be bytes of a file given up.
    guard ftruncate(file.descriptor, off_t(position)) == 0,
      ftruncate(file.descriptor, off_t(length)) == 0
    else {
      throw SystemError("write", path: file.path)
    }
  }
}
