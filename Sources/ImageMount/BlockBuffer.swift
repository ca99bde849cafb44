import Synchronization

/// The bytes of an unpacked block; they do not change.
final class BlockBuffer: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let memoryArea: UnsafeMutableRawBufferPointer
  private let pool: BufferPool?

  /// - Parameter area: of the pool; the block takes it over.
  fileprivate init(_ area: UnsafeMutableRawBufferPointer, count: Int, of pool: BufferPool?) {
    memoryArea = area
    bytes = UnsafeRawBufferPointer(rebasing: area[..<count])
    self.pool = pool
  }

  deinit { if let pool { pool.give(memoryArea) } else { memoryArea.deallocate() } }

  /// The memory it takes, in bytes.
  var memory: Int { memoryArea.count }
}

/// Areas of the size of a whole block, used again and again: the system would take as long to make a
/// new one as a codec to fill it.
final class BufferPool: Sendable {
  private let blockSize: Int
  private let idle = Mutex<[Area]>([])

  private struct Area: @unchecked Sendable { let area: UnsafeMutableRawBufferPointer }

  /// The most memory kept for later, in bytes.
  private static let mostIdle = 4 << 20

  init(blockSize: Int) { self.blockSize = blockSize }

  deinit { idle.withLock { for area in $0 { area.area.deallocate() } } }

  /// Has `fill` write a block.
  ///
  /// - Parameter fill: returns the number of bytes written.
  func block<E: Error>(
    _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) -> BlockBuffer {
    let area = take()
    let count: Int
    do throws(E) { count = try fill(area) } catch {
      give(area)
      throw error
    }
    guard count <= blockSize / 2 else { return BlockBuffer(area, count: count, of: self) }
    // Most files are small, and would waste most of it.
    let small = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 16)
    small.copyMemory(from: UnsafeRawBufferPointer(rebasing: area[..<count]))
    give(area)
    return BlockBuffer(small, count: count, of: nil)
  }

  private func take() -> UnsafeMutableRawBufferPointer {
    idle.withLock { $0.popLast()?.area } ?? .allocate(byteCount: blockSize, alignment: 4096)
  }

  fileprivate func give(_ area: UnsafeMutableRawBufferPointer) {
    let box = Area(area: area)
    let isKept = idle.withLock { idle in
      guard (idle.count + 1) * blockSize <= Self.mostIdle else { return false }
      idle.append(box)
      return true
    }
    if !isKept { area.deallocate() }
  }
}
