/// Finds files equal to an earlier one while they are read.
///
/// A file's first stored block and its announced size select one earlier file as candidate. As long
/// as all blocks equal the candidate's, byte for byte, nothing is compressed or written. At the first
/// difference the candidate's stored blocks are copied. So a duplicate costs no codec time, and one
/// pass over the source is enough.
///
/// If the image cannot be read back, digests are compared, and the file's own blocks are kept until
/// it differs or ends: some as they are, those of a larger file compressed and ready to be taken
/// back.
///
/// Invariants:
/// - A row of the current file is `pending` as long as its block is in flight, or nothing of it is
///   stored because a candidate has been equal so far. While there is a candidate, no block of the
///   current file is in flight, if the image can be read back.
/// - Blocks are retired in the order of submission. A block of the candidate that is not in flight
///   is written, and so are all before it, so that their sizes lead to its position.
/// - Fragment blocks are submitted only between files. So the blocks of an abandoned file are the
///   last of the image, once nothing is in flight, and can be removed.
struct DuplicateFinder {
  private var filesByFirstBlock: [UInt64: UInt32] = [:]
  private var candidate: Candidate?
  private var hasStoredBlocks = false

  /// An earlier file that may be equal.
  private struct Candidate {
    var file: Int
    var place: BlockStore.Place
  }

  /// Starts a file.
  mutating func begin() {
    candidate = nil
    hasStoredBlocks = false
  }

  /// Later files will equal none of the earlier ones.
  mutating func forgetAll() { filesByFirstBlock = [:] }

  /// Checks a block just added to the list of a file.
  ///
  /// - Parameter size: the file's size, if known in advance.
  /// - Returns: whether the block need not be compressed for now.
  mutating func isDuplicate(
    _ plain: UnsafeRawBufferPointer, hash: UInt64, of number: Int, size: UInt64?,
    in store: BlockStore
  ) throws -> Bool {
    let file = store.files[number]
    if !hasStoredBlocks, let size,
      let found = filesByFirstBlock[Self.key(of: file, size: size, in: store)]
    {
      let first = store.files[Int(found)].block(0)
      candidate = Candidate(file: Int(found), place: .init(block: first, position: nil))
    }
    hasStoredBlocks = true
    guard candidate != nil else { return false }
    let other = store.files[candidate!.file]
    let row = Int(file.storedCount) - 1
    if row < other.storedCount, store.blocks.hash(other.block(row)) == hash,
      store.blocks.haveEqualHoles(file, other, before: row),
      try store.isEqual(
        plain, to: other.block(row), of: Int(other.owner), &candidate!.place)
    {
      return true
    }
    try giveUpCandidate(for: number, keeping: 1, in: store)
    return false
  }

  /// Gives the file the blocks found equal so far, except for its `last` blocks.
  private mutating func giveUpCandidate(
    for number: Int, keeping last: Int, in store: BlockStore
  ) throws {
    guard let other = candidate?.file else { return }
    candidate = nil
    try store.writePostponed(
      Int(store.files[number].storedCount) - last, of: store.files[other], to: number)
  }

  /// Ends a file; if it equals an earlier one, it gets that one's blocks.
  mutating func end(_ number: Int, in store: BlockStore) throws {
    guard hasStoredBlocks else { return }
    let file = store.files[number]
    if let candidate {
      let other = store.files[candidate.file]
      if store.blocks.areEqual(file, other) {
        store.share(number, other)
        store.statistics.duplicateBytes +=
          file.size - store.holeBytes(of: file) - file.size % UInt64(store.blockSize)
        return
      }
      try giveUpCandidate(for: number, keeping: 0, in: store)
    }
    filesByFirstBlock[Self.key(of: file, size: file.size, in: store)] = UInt32(number)
  }

  /// The key of possibly equal files: their first stored block, the holes before it, their size.
  private static func key(of file: FileRecord, size: UInt64, in store: BlockStore) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(store.blocks.hash(file.block(0)))
    hasher.combine(store.blocks.leadingHoles(of: file))
    hasher.combine(size)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
