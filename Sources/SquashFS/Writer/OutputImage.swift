import Glibc
import Posix

/// The image under construction: bytes are appended, and read back for comparison.
final class OutputImage {
  private let file: AtomicFile
  /// The position of the next byte.
  private(set) var position: UInt64 = 0
  /// Writeback has been requested up to here.
  private var writtenBack: UInt64 = 0
  private static let writeBackUnit: UInt64 = 8 << 20

  init(_ file: AtomicFile) { self.file = file }

  /// Appends `bytes`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try write(bytes, at: position)
    position += UInt64(bytes.count)
    if position >= writtenBack + Self.writeBackUnit {
      // Lets the disk start now rather than at the end, when everybody waits for the sync.
      sync_file_range(
        file.descriptor, off_t(writtenBack), off_t(position - writtenBack),
        UInt32(SYNC_FILE_RANGE_WRITE))
      writtenBack = position
    }
  }

  /// Overwrites bytes at `offset`.
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

  /// Skips `count` bytes, to be overwritten later.
  func skip(_ count: Int) { position += UInt64(count) }

  /// Continues appending at `position`; nothing valid may lie behind it.
  func rewind(to position: UInt64) {
    self.position = position
    writtenBack = min(writtenBack, position)
  }

  /// Moves all bytes from `offset` on, if the file system can do so without copying.
  ///
  /// - Returns: false if it cannot, or if it would not move whole blocks of its own.
  func insertRoom(_ count: UInt64, at offset: UInt64) -> Bool {
    fallocate(file.descriptor, FALLOC_FL_INSERT_RANGE, off_t(offset), off_t(count)) == 0
  }

  /// Copies a range to `target`, which may overlap it on either side.
  func move(_ range: Range<UInt64>, to target: UInt64) throws(SystemError) {
    guard range.lowerBound != target, !range.isEmpty else { return }
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { piece.deallocate() }
    let length = range.upperBound - range.lowerBound
    var done: UInt64 = 0
    while done < length {
      let count = min(UInt64(piece.count), length - done)
      // From the end if the target lies behind, or it would overwrite bytes still to be moved.
      let offset = target > range.lowerBound ? length - done - count : done
      let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<Int(count)])
      try read(part, at: range.lowerBound + offset)
      try write(UnsafeRawBufferPointer(part), at: target + offset)
      done += count
    }
  }

  /// Fills a range of at most a few KiB with zeros.
  func clear(_ range: Range<UInt64>) throws {
    let zeros = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
    try zeros.withUnsafeBytes { try write($0, at: range.lowerBound) }
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
    // First cut to the valid end: beyond it there may be bytes of an abandoned file.
    guard ftruncate(file.descriptor, off_t(position)) == 0,
      ftruncate(file.descriptor, off_t(length)) == 0
    else {
      throw SystemError("write", path: file.path)
    }
  }
}
