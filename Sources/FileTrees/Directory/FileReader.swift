import Glibc
import Posix
import TreeModel

/// Reads an open file into a sink, holes as holes, and notices when its size changes.
struct FileReader {
  let descriptor: Int32
  /// The size from the earlier `fstat`.
  let size: UInt64

  /// - Parameter failure: makes the error to throw; its argument says whether the file changed.
  ///   If not, it could not be read (`errno` says why).
  func read(into content: any ContentSink, failure: (Bool) -> any Error) throws {
    var offset: UInt64 = 0
    while offset < size {
      let data = nextData(from: offset)
      if data > offset { try content.addHole(data - offset) }
      offset = data
      guard offset < size else { break }
      let end = min(size, nextHole(from: offset))
      while offset < end {
        var count = 0
        try content.withFreeSpace { space in
          let wanted = Int(min(UInt64(space.count), end - offset))
          count = retryingInterrupts {
            pread(descriptor, space.baseAddress!, wanted, off_t(offset))
          }
          return max(0, count)
        }
        guard count > 0 else { throw failure(count == 0) }
        offset += UInt64(count)
      }
    }
    var byte: UInt8 = 0
    let beyond = retryingInterrupts { pread(descriptor, &byte, 1, off_t(size)) }
    guard beyond == 0 else { throw failure(beyond > 0) }
  }

  /// Where data starts again; the end of the file if the rest is a hole.
  private func nextData(from offset: UInt64) -> UInt64 {
    guard size >= Self.smallestSparse else { return offset }
    let data = lseek(descriptor, off_t(offset), SEEK_DATA)
    if data >= 0 { return min(size, UInt64(data)) }
    return errno == ENXIO ? size : offset
  }

  private func nextHole(from offset: UInt64) -> UInt64 {
    guard size >= Self.smallestSparse else { return size }
    let hole = lseek(descriptor, off_t(offset), SEEK_HOLE)
    return hole > off_t(offset) ? UInt64(hole) : size
  }

  /// Smaller files are read whole: finding holes costs more than it saves.
  private static let smallestSparse: UInt64 = 64 << 10
}
