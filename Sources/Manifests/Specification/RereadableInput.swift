import FileTrees
import Glibc
import Posix

/// A file to read twice; data from a pipe is kept on disk for the second time.
final class RereadableInput: ByteInput {
  private let file: FileInput
  private let kept: ScratchFile?
  private var keptCount: Int64 = 0
  private var isRepeating = false
  private(set) var position: Int64 = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)

  init(path: [UInt8]) throws {
    file = try FileInput(path: path)
    let folder = getenv("TMPDIR").map { [UInt8](cString: $0) } ?? Array("/tmp".utf8)
    kept =
      file.isSeekable ? nil : try ScratchFile(beside: HostPath(folder + Array("/manifest".utf8)))
  }

  deinit { buffer.deallocate() }

  func next() throws -> UnsafeRawBufferPointer {
    let bytes = try nextBytes()
    position += Int64(bytes.count)
    return bytes
  }

  private func nextBytes() throws -> UnsafeRawBufferPointer {
    guard let kept else { return try file.next() }
    guard isRepeating else {
      let bytes = try file.next()
      try kept.write(bytes, at: UInt64(keptCount))
      keptCount += Int64(bytes.count)
      return bytes
    }
    let count = Int(min(Int64(buffer.count), keptCount - position))
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    try kept.read(bytes, at: UInt64(position))
    return UnsafeRawBufferPointer(bytes)
  }

  /// Goes back to the start, after everything has been read.
  func repeatAll() throws {
    position = 0
    if kept == nil { try file.seek(to: 0) } else { isRepeating = true }
  }
}
