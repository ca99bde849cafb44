import SquashFSFormat

/// Reads blocks back from the image under construction, to compare them with new ones.
final class BlockReader {
  private let image: LocalImage
  private let codec: any BlockDecompressor
  private let packed: UnsafeMutableRawBufferPointer
  private var cache: [Entry] = []
  private let cacheLimit: Int
  private let blockSize: Int
  private var clock = 0

  private struct Entry {
    var position: UInt64
    var plain: UnsafeMutableRawBufferPointer
    var count: Int
    var lastUse: Int
  }

  init(image: LocalImage, codec: any BlockDecompressor, blockSize: Int) {
    self.image = image
    self.codec = codec
    self.blockSize = blockSize
    packed = .allocate(byteCount: blockSize, alignment: 64)
    cacheLimit = max(2, (4 << 20) / blockSize)
  }

  deinit {
    packed.deallocate()
    for entry in cache { entry.plain.deallocate() }
  }

  /// The stored bytes at `position`; valid until the next call.
  func stored(at position: UInt64, _ count: Int) throws -> UnsafeRawBufferPointer {
    let target = UnsafeMutableRawBufferPointer(rebasing: packed[..<count])
    try image.read(target, at: position)
    return UnsafeRawBufferPointer(target)
  }

  /// The unpacked block at `position`; valid until the next call.
  func block(at position: UInt64, _ block: StoredBlock) throws -> UnsafeRawBufferPointer {
    clock += 1
    if let hit = cache.firstIndex(where: { $0.position == position }) {
      cache[hit].lastUse = clock
      return UnsafeRawBufferPointer(rebasing: cache[hit].plain[..<cache[hit].count])
    }
    let slot: Int
    if cache.count < cacheLimit {
      let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: blockSize, alignment: 64)
      cache.append(Entry(position: 0, plain: plain, count: 0, lastUse: 0))
      slot = cache.count - 1
    } else {
      slot = cache.indices.min { cache[$0].lastUse < cache[$1].lastUse }!
    }
    cache[slot].position = UInt64.max  // not valid until filled
    let bytes = try stored(at: position, block.byteCount)
    if block.isCompressed {
      cache[slot].count = try codec.decompress(bytes, into: cache[slot].plain).count
    } else {
      cache[slot].plain.copyMemory(from: bytes)
      cache[slot].count = bytes.count
    }
    cache[slot].position = position
    cache[slot].lastUse = clock
    return UnsafeRawBufferPointer(rebasing: cache[slot].plain[..<cache[slot].count])
  }

  /// Drops blocks from `position` on, which are about to be overwritten.
  func forget(from position: UInt64) {
    for index in cache.indices where cache[index].position >= position {
      cache[index].position = UInt64.max
    }
  }
}
