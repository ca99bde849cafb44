import Glibc
import Posix

/// Bytes in memory up to a limit, and beyond it in an unnamed file. Once all are written, any thread
/// may read them.
final class SpilledBytes {
  private let folder: HostPath
  private let memory: UnsafeMutableRawBufferPointer
  private var scratch: ScratchFile?
  private(set) var count: UInt64 = 0

  /// - Parameters:
  ///   - limit: the bytes in memory. The system provides it only as far as it is used.
  ///   - path: any file in the folder for the unnamed file, which is made when it is needed.
  init(inMemory limit: Int, beside path: HostPath) {
    folder = path
    memory = UnsafeMutableRawBufferPointer(start: calloc(1, max(limit, 1)), count: limit)
  }

  deinit { free(memory.baseAddress) }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) { try write(bytes, at: count) }

  /// Writes bytes at `offset`, at most at the end.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    let near = bytes.prefix(Int(clamping: UInt64(memory.count) - min(offset, UInt64(memory.count))))
    if !near.isEmpty {
      (memory.baseAddress! + Int(offset)).copyMemory(
        from: near.base.baseAddress!, byteCount: near.count)
    }
    if near.count < bytes.count {
      if scratch == nil { scratch = try ScratchFile(beside: folder) }
      try scratch!.write(
        UnsafeRawBufferPointer(rebasing: bytes[near.count...]),
        at: offset + UInt64(near.count) - UInt64(memory.count))
    }
    count = max(count, offset + UInt64(bytes.count))
  }

  /// Fills `buffer` from `offset`.
  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
    let near = Int(
      min(UInt64(buffer.count), UInt64(memory.count) - min(offset, UInt64(memory.count))))
    if near > 0 {
      buffer.baseAddress!.copyMemory(from: memory.baseAddress! + Int(offset), byteCount: near)
    }
    guard near < buffer.count else { return }
    try scratch!.read(
      UnsafeMutableRawBufferPointer(rebasing: buffer[near...]),
      at: offset + UInt64(near) - UInt64(memory.count))
  }

  /// Passes on all bytes, piece by piece.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let near = Int(min(count, UInt64(memory.count)))
    if near > 0 { try body(UnsafeRawBufferPointer(rebasing: memory[..<near])) }
    guard UInt64(near) < count else { return }
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { piece.deallocate() }
    var offset = UInt64(near)
    while offset < count {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: piece[..<Int(min(count - offset, UInt64(piece.count)))])
      try read(part, at: offset)
      try body(UnsafeRawBufferPointer(part))
      offset += UInt64(part.count)
    }
  }

  /// Drops the bytes from `count` on, and the file if it holds none of the others.
  func truncate(to count: UInt64) {
    self.count = count
    if count <= memory.count { scratch = nil }
  }
}
