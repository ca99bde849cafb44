/// Packs the last bytes of files into fragment blocks. Equal tails are stored once.
///
/// Two fragment blocks are open at a time. A tail that does not fit into the newer one may fill the
/// older one, which is written when neither has room. So blocks are fuller than with one, by about
/// 5 % where tails are large, and files that lie together in the source still share a block.
struct TailPacker: ~Copyable {
  /// The open fragment blocks, the older one first. Their numbers follow those of the written ones.
  private var open: [Fragment] = []
  /// Buffers to use next.
  private var spare: [UnsafeMutableRawBufferPointer]
  /// The files whose tails are stored; with digests, the rows of `digested`.
  private var tails = TailTable()
  /// The tails stored, if they are compared by digests.
  private var digested: [(digest: BlockDigest, file: UInt32)] = []

  private static let mostOpen = 2

  private struct Fragment {
    var buffer: UnsafeMutableRawBufferPointer
    var filled = 0
    /// A fragment block of an old image that may be the same.
    var old: UInt32?
  }

  init(blockSize: Int) {
    spare = (0..<Self.mostOpen).map { _ in .allocate(byteCount: blockSize, alignment: 64) }
  }

  deinit {
    for fragment in open { fragment.buffer.deallocate() }
    for buffer in spare { buffer.deallocate() }
  }

  /// Gives a file its tail: the bytes after its last whole block.
  ///
  /// - Parameter old: the file's blocks in an old image, if there is one.
  mutating func add(
    _ tail: UnsafeRawBufferPointer, to number: Int, old: OldBlocks?, in store: BlockStore
  ) throws {
    let hash = BlockHash.hash(tail)
    let digest = store.comparesDigests ? BlockDigest(tail) : nil
    if let known = try find(tail, hash, digest, in: store) {
      store.files[number].fragment = store.files[known].fragment
      store.files[number].fragmentOffset = store.files[known].fragmentOffset
      store.statistics.duplicateBytes += UInt64(tail.count)
      return
    }
    let index = try placeForTail(of: tail.count, old, in: store)
    let offset = open[index].filled
    if open[index].old == nil { open[index].old = old?.fragment(withTailAt: offset) }
    store.files[number].fragment = UInt32(store.fragments.count + index)
    store.files[number].fragmentOffset = UInt32(offset)
    (open[index].buffer.baseAddress! + offset).copyMemory(
      from: tail.baseAddress!, byteCount: tail.count)
    open[index].filled += tail.count
    if let digest {
      tails.insert(digested.count, hash: hash)
      digested.append((digest, UInt32(number)))
    } else {
      tails.insert(number, hash: hash)
    }
  }

  /// Writes the fragment blocks. Later files share no tail with earlier ones.
  mutating func finish(old: OldBlocks?, in store: BlockStore) throws {
    while !open.isEmpty { try writeOldest(old, to: store) }
    tails = TailTable()
    digested = []
  }

  /// The index of an open fragment block with room for `count` bytes.
  private mutating func placeForTail(
    of count: Int, _ old: OldBlocks?, in store: BlockStore
  ) throws -> Int {
    if let index = open.lastIndex(where: { $0.filled + count <= store.blockSize }) { return index }
    if open.count == Self.mostOpen { try writeOldest(old, to: store) }
    open.append(Fragment(buffer: spare.removeLast()))
    return open.count - 1
  }

  private mutating func writeOldest(_ old: OldBlocks?, to store: BlockStore) throws {
    var oldest = open.removeFirst()
    defer { spare.append(oldest.buffer) }
    let place = oldest.old.flatMap { old?.image.place(ofFragment: $0) }
    try store.submit(fragment: &oldest.buffer, count: oldest.filled, old: place)
  }

  /// The first file with an equal tail.
  private func find(
    _ tail: UnsafeRawBufferPointer, _ hash: UInt64, _ digest: BlockDigest?, in store: BlockStore
  ) throws -> Int? {
    guard let digest else {
      return try tails.find(hash: hash) { try isEqual(tail, toTailOf: $0, in: store) }
    }
    return tails.find(hash: hash) {
      digested[$0].digest == digest
        && hasTail(of: tail.count, store.files[Int(digested[$0].file)], in: store)
    }.map { Int(digested[$0].file) }
  }

  private func hasTail(of count: Int, _ file: FileRecord, in store: BlockStore) -> Bool {
    file.size % UInt64(store.blockSize) == count
  }

  private func isEqual(
    _ tail: UnsafeRawBufferPointer, toTailOf file: Int, in store: BlockStore
  ) throws -> Bool {
    let known = store.files[file]
    guard hasTail(of: tail.count, known, in: store) else { return false }
    let number = Int(known.fragment)
    // A file that was given up after an error has none.
    guard number < store.fragments.count + open.count else { return false }
    let whole =
      number >= store.fragments.count
      ? UnsafeRawBufferPointer(open[number - store.fragments.count].buffer)
      : try store.fragment(number)
    let start = Int(known.fragmentOffset)
    guard let whole, start + tail.count <= whole.count else { return false }
    return BlockHash.areEqual(
      tail, UnsafeRawBufferPointer(rebasing: whole[start..<start + tail.count]))
  }
}
