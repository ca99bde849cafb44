import Glibc
import Posix

/// An image in a file of this machine: bytes are read back for comparison, and moved.
final class LocalImage: ImageOutput {
  private let output: AtomicFile
  /// The position of the next byte.
  private(set) var position: UInt64 = 0
  var file: LocalImage? { self }
  /// Writeback has been requested up to here.
  private var writtenBack: UInt64 = 0
  private static let writeBackUnit: UInt64 = 8 << 20

  init(_ file: AtomicFile) { output = file }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try write(bytes, at: position)
    position += UInt64(bytes.count)
    if position >= writtenBack + Self.writeBackUnit {
      // Lets the disk start now rather than at the end, when everybody waits for the sync.
      sync_file_range(
        output.descriptor, off_t(writtenBack), off_t(position - writtenBack),
        UInt32(SYNC_FILE_RANGE_WRITE))
      writtenBack = position
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let written = retryingInterrupts {
        pwrite(
          output.descriptor, bytes.baseAddress! + done, bytes.count - done,
          off_t(offset) + off_t(done))
      }
      guard written > 0 else { throw SystemError("write", path: output.path) }
      done += written
    }
  }

  func skip(_ count: Int) { position += UInt64(count) }

  func rewind(to position: UInt64) {
    self.position = position
    writtenBack = min(writtenBack, position)
  }

  // What comes last is moved once it is there.
  func beginRanked() {}

  func place(_ placement: DataPlacement) throws { try placement.apply(to: self) }

  /// Moves all bytes from `offset` on, if the file system can do so without copying.
  ///
  /// - Returns: false if it cannot, or if it would not move whole blocks of its own.
  func insertRoom(_ count: UInt64, at offset: UInt64) -> Bool {
    fallocate(output.descriptor, FALLOC_FL_INSERT_RANGE, off_t(offset), off_t(count)) == 0
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

  /// Fills `buffer` from `offset`.
  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let count = retryingInterrupts {
        pread(
          output.descriptor, buffer.baseAddress! + done, buffer.count - done,
          off_t(offset) + off_t(done))
      }
      guard count > 0 else {
        throw SystemError("read back", path: output.path, code: count == 0 ? EIO : errno)
      }
      done += count
    }
  }

  func finish(paddingTo unit: UInt64) throws(SystemError) {
    let length = (position + unit - 1) / unit * unit
    // First cut to the valid end: beyond it there may be bytes of an abandoned file.
    guard ftruncate(output.descriptor, off_t(position)) == 0,
      ftruncate(output.descriptor, off_t(length)) == 0
    else {
      throw SystemError("write", path: output.path)
    }
  }
}
