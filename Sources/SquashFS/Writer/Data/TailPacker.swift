/// Packs the last bytes of files into fragment blocks. Equal tails are stored once.
struct TailPacker: ~Copyable {
  /// The fragment block being filled.
  private var fragment: UnsafeMutableRawBufferPointer
  private var filled = 0
  private var tails: [UInt64: Tail] = [:]

  private struct Tail {
    var fragment: UInt32
    var offset: UInt32
    var count: UInt32
  }

  init(blockSize: Int) { fragment = .allocate(byteCount: blockSize, alignment: 64) }

  deinit { fragment.deallocate() }

  /// Gives a file its tail: the bytes after its last whole block.
  mutating func add(
    _ tail: UnsafeRawBufferPointer, to number: Int, in store: BlockStore
  ) throws {
    let hash = BlockHash.hash(tail)
    if let known = tails[hash], try isEqual(tail, to: known, in: store) {
      store.files[number].fragment = known.fragment
      store.files[number].fragmentOffset = known.offset
      store.statistics.duplicateBytes += UInt64(tail.count)
      return
    }
    if filled + tail.count > store.blockSize { try flush(to: store) }
    let place = Tail(
      fragment: UInt32(store.fragments.count), offset: UInt32(filled), count: UInt32(tail.count))
    (fragment.baseAddress! + filled).copyMemory(from: tail.baseAddress!, byteCount: tail.count)
    filled += tail.count
    store.files[number].fragment = place.fragment
    store.files[number].fragmentOffset = place.offset
    tails[hash] = place
  }

  /// Writes the fragment block. Later files share no tail with earlier ones.
  mutating func finish(in store: BlockStore) throws {
    try flush(to: store)
    tails = [:]
  }

  private mutating func flush(to store: BlockStore) throws {
    guard filled > 0 else { return }
    try store.submit(fragment: &fragment, count: filled)
    filled = 0
  }

  private func isEqual(
    _ tail: UnsafeRawBufferPointer, to known: Tail, in store: BlockStore
  ) throws -> Bool {
    guard Int(known.count) == tail.count else { return false }
    let number = Int(known.fragment)
    let whole =
      number == store.fragments.count
      ? UnsafeRawBufferPointer(fragment) : try store.fragment(number)
    let start = Int(known.offset)
    guard start + tail.count <= whole.count else { return false }
    return BlockHash.areEqual(
      tail, UnsafeRawBufferPointer(rebasing: whole[start..<start + tail.count]))
  }
}
