internal import Glibc
internal import Posix
internal import SquashFSFormat
internal import TreeModel

/// Cuts files into blocks, has them compressed, and writes them in the order they came.
///
/// The last bytes of files go together into fragment blocks, full ones between two files. A file
/// equal to one before shares its blocks.
final class DataWriter {
  let image: ImageFile
  let blockSize: Int
  private var pool: CompressionPool

  /// One record per file ended, by `ContentID`.
  private(set) var files: [FileRecord] = []
  private(set) var blocks = BlockLists()
  private(set) var fragments: [FragmentRecord] = []
  private(set) var statistics = DataStatistics()

  private var currentFile = 0

  // The block being filled.
  private var current: UnsafeMutableRawBufferPointer
  private var filled = 0
  private var announcedSize: UInt64?

  // The fragment block being filled.
  private var fragment: UnsafeMutableRawBufferPointer
  private var fragmentFilled = 0

  // Duplicates.
  private var filesByFirstBlock: [UInt64: UInt32] = [:]
  private var tails: [UInt64: Tail] = [:]
  private var candidate: Candidate?
  private var hasStoredBlocks = false
  private let reader: BlockReader

  /// An earlier file that may be equal, and the position of one of its blocks.
  private struct Candidate {
    var file: Int
    var block: Int
    var position: UInt64?
  }

  private struct Tail {
    var fragment: UInt32
    var offset: UInt32
    var count: UInt32
  }

  private static let pending = StoredBlock(rawValue: UInt32.max)

  init(
    image: ImageFile, blockSize: BlockSize, compression: Compression, threads: Int, probes: Bool
  ) throws {
    self.image = image
    let bytes = blockSize.byteCount
    self.blockSize = bytes
    current = .allocate(byteCount: bytes, alignment: 64)
    fragment = .allocate(byteCount: bytes, alignment: 64)
    reader = try BlockReader(
      image: image, codec: compression.id.makeDecompressor(), blockSize: bytes)
    // Enough blocks in flight that no thread waits for a slow neighbour, within 8 MiB.
    let window = max(threads + 2, min(8 * threads, (8 << 20) / (2 * bytes)))
    pool = try CompressionPool(threads: threads, window: window, blockSize: bytes) {
      CompressionWorker(
        codec: try compression.makeCompressor(largest: bytes),
        probe: compression.isWorthProbing ? BlockProbe(blockSize: bytes) : nil,
        storesIncompressible: probes)
    }
  }

  deinit {
    current.deallocate()
    fragment.deallocate()
  }

  // MARK: Contents

  /// Makes sure that a file of that size has no more blocks than one may have.
  func checkSize(_ size: UInt64) throws(ContentTooLarge) {
    guard size / UInt64(blockSize) <= UInt64(BlockLists.mostOfFile) else {
      throw BlockLists.fileTooLarge
    }
  }

  /// Makes the number of a file whose content comes later, by `begin(reserved:size:)`.
  func reserve() -> ContentID {
    files.append(FileRecord(owner: UInt32(files.count)))
    return ContentID(number: UInt32(files.count - 1))
  }

  /// Takes back the number made last.
  func unreserve() { files.removeLast() }

  func begin(size: UInt64?) throws {
    if let size { try checkSize(size) }
    begin(reserved: reserve(), size: size)
  }

  func begin(reserved id: ContentID, size: UInt64?) {
    announcedSize = size
    candidate = nil
    hasStoredBlocks = false
    filled = 0
    currentFile = Int(id.number)
    blocks.begin(&file)
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    let space = UnsafeMutableRawBufferPointer(rebasing: current[filled...])
    let count = try body(space)
    precondition(count <= space.count)
    filled += count
    if filled == blockSize { try endBlock() }
    return count
  }

  func addHole(_ count: UInt64) throws {
    var rest = count
    let toBlockEnd = UInt64(blockSize - filled)
    if filled > 0 && rest > 0 {
      let zeros = Int(min(rest, toBlockEnd))
      memset(current.baseAddress! + filled, 0, zeros)
      filled += zeros
      rest -= UInt64(zeros)
      if filled == blockSize { try endBlock() }
    }
    try addHoleBlocks(rest / UInt64(blockSize))
    rest %= UInt64(blockSize)
    if rest > 0 {
      memset(current.baseAddress!, 0, Int(rest))
      filled = Int(rest)
    }
  }

  func end() throws -> ContentID {
    let number = currentFile
    if filled > 0 { try addTail() }
    try endDuplicateSearch(number)
    statistics.files += 1
    statistics.bytes += files[number].size
    return ContentID(number: UInt32(number))
  }

  func abandon() throws {
    while !pool.isIdle { try retire() }
    // Blocks of the file are the last ones written: fragments go out between files only.
    let file = files.removeLast()
    if file.start != FileRecord.unset {
      statistics.storedBytes -= image.position - file.start
      statistics.storedPlainBlocks -= blocks.sizes(of: file).count { !$0.isCompressed }
      image.rewind(to: file.start)
      reader.forget(from: file.start)
    }
    blocks.removeLast(file)
  }

  /// Writes what is still under way. Files that come after share no fragment and no block with
  /// those before.
  func finish() throws {
    try flushFragment()
    while !pool.isIdle { try retire() }
    filesByFirstBlock = [:]
    tails = [:]
  }

  // MARK: Blocks

  private var file: FileRecord {
    get { files[currentFile] }
    _modify { yield &files[currentFile] }
  }

  /// The block being filled, as far as it is.
  private var plain: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: current[..<filled])
  }

  private func endBlock() throws {
    if BlockHash.isZero(plain) {
      try addHoleBlocks(1)
      filled = 0
      return
    }
    let hash = BlockHash.hash(plain)
    try blocks.add(Self.pending, hash: hash, to: &file)
    file.size += UInt64(filled)
    if try !isDuplicateBlock(hash) {
      try submitCurrent(.data(file: currentFile, block: blocks.count - 1))
    }
    filled = 0
  }

  private func addHoleBlocks(_ count: UInt64) throws {
    guard count > 0 else { return }
    try blocks.addHoles(count, to: &file)
    let (bytes, overflow) = count.multipliedReportingOverflow(by: UInt64(blockSize))
    guard !overflow else { throw BlockLists.fileTooLarge }
    file.size += bytes
    file.sparse += bytes
  }

  private func submitCurrent(_ job: CompressionSlot.Job) throws {
    let slot = try freeSlot()
    swap(&slot.input, &current)
    slot.inputCount = filled
    slot.job = job
    pool.submit()
  }

  private func freeSlot() throws -> CompressionSlot {
    while true {
      if let slot = pool.freeSlot { return slot }
      try retire()
    }
  }

  /// Writes the oldest block in flight.
  private func retire() throws {
    let slot = try pool.retire()
    let start = image.position
    let stored = slot.stored
    try image.append(stored)
    let size = StoredBlock(byteCount: stored.count, isCompressed: slot.outputCount != nil)
    statistics.storedBytes += UInt64(stored.count)
    if slot.outputCount == nil { statistics.storedPlainBlocks += 1 }
    switch slot.job {
    case .data(let file, let block):
      blocks.setSize(size, of: block)
      if files[file].start == FileRecord.unset { files[file].start = start }
    case .fragment(let number):
      fragments[number] = FragmentRecord(start: start, stored: size)
    }
  }

  // MARK: Tails and fragments

  /// Puts the bytes after the last full block into a fragment, unless an equal tail is there.
  private func addTail() throws {
    file.size += UInt64(filled)
    let tail = plain
    let hash = BlockHash.hash(tail)
    if let known = tails[hash], try isEqual(tail, to: known) {
      file.fragment = known.fragment
      file.fragmentOffset = known.offset
      statistics.duplicateBytes += UInt64(tail.count)
    } else {
      if fragmentFilled + tail.count > blockSize { try flushFragment() }
      let place = Tail(
        fragment: UInt32(fragments.count), offset: UInt32(fragmentFilled), count: UInt32(tail.count)
      )
      (fragment.baseAddress! + fragmentFilled).copyMemory(
        from: tail.baseAddress!, byteCount: tail.count)
      fragmentFilled += tail.count
      file.fragment = place.fragment
      file.fragmentOffset = place.offset
      tails[hash] = place
    }
    filled = 0
  }

  private func flushFragment() throws {
    guard fragmentFilled > 0 else { return }
    let slot = try freeSlot()
    swap(&slot.input, &fragment)
    slot.inputCount = fragmentFilled
    slot.job = .fragment(fragments.count)
    fragments.append(FragmentRecord(start: 0, stored: Self.pending))
    fragmentFilled = 0
    pool.submit()
  }

  private func isEqual(_ tail: UnsafeRawBufferPointer, to known: Tail) throws -> Bool {
    guard Int(known.count) == tail.count else { return false }
    let number = Int(known.fragment)
    let whole: UnsafeRawBufferPointer
    if number == fragments.count {
      whole = UnsafeRawBufferPointer(fragment)
    } else if let slot = pool.inFlight(.fragment(number)) {
      whole = slot.plain
    } else {
      let record = fragments[number]
      whole = try reader.block(at: record.start, record.stored)
    }
    let start = Int(known.offset)
    guard start + tail.count <= whole.count else { return false }
    return BlockHash.areEqual(
      tail, UnsafeRawBufferPointer(rebasing: whole[start..<start + tail.count]))
  }

  // MARK: Duplicates
  //
  // A file's first stored block and its announced size select one earlier file as candidate. As
  // long as all blocks equal the candidate's, byte for byte, nothing is compressed or written.
  // At the first difference the candidate's stored blocks are copied: equal blocks compress to
  // equal bytes. So a duplicate costs no codec time, and one pass over the source is enough.
  //
  // What holds meanwhile:
  // - A row of the file being read is `pending` as long as its block is in flight, or nothing of it
  //   is stored because a candidate equals it so far. While there is a candidate, no block of the
  //   file itself is in flight.
  // - Blocks are retired in the order of submission. One of the candidate's that is not in flight
  //   is written, and all before it are, so that their sizes lead to its position.
  // - Fragment blocks are submitted between files only. So the blocks of a file that is abandoned
  //   are the last of the image, once nothing is in flight, and can be taken back.

  /// - Returns: whether the block just added need not be compressed, for now.
  private func isDuplicateBlock(_ hash: UInt64) throws -> Bool {
    if !hasStoredBlocks, let size = announcedSize,
      let found = filesByFirstBlock[key(of: file, size: size)]
    {
      candidate = Candidate(file: Int(found), block: files[Int(found)].firstBlock, position: nil)
    }
    hasStoredBlocks = true
    guard let candidate else { return false }
    let other = files[candidate.file]
    let row = Int(file.storedCount) - 1
    if row < other.storedCount, blocks.hash(other.firstBlock + row) == hash,
      blocks.haveEqualHoles(file, other, before: row),
      try isEqual(plain, toCandidateBlock: other.firstBlock + row)
    {
      return true
    }
    try giveUpCandidate(keeping: 1)
    return false
  }

  private func isEqual(_ block: UnsafeRawBufferPointer, toCandidateBlock index: Int) throws -> Bool
  {
    let owner = Int(files[candidate!.file].owner)
    if let slot = pool.inFlight(.data(file: owner, block: index)) {
      return BlockHash.areEqual(block, slot.plain)
    }
    var position = candidate!.position ?? files[owner].start
    for earlier in candidate!.block..<index {
      position += UInt64(blocks.size(earlier).byteCount)
    }
    candidate!.block = index
    candidate!.position = position
    return BlockHash.areEqual(block, try reader.block(at: position, blocks.size(index)))
  }

  /// Copies the blocks found equal so far, but for the `last` ones, from the candidate.
  private func giveUpCandidate(keeping last: Int) throws {
    guard let candidate else { return }
    self.candidate = nil
    while !pool.isIdle { try retire() }
    let other = files[candidate.file]
    var position = files[Int(other.owner)].start
    for row in 0..<(Int(file.storedCount) - last) {
      let block = blocks.size(other.firstBlock + row)
      let start = image.position
      try image.append(try reader.stored(at: position, block.byteCount))
      statistics.storedBytes += UInt64(block.byteCount)
      position += UInt64(block.byteCount)
      blocks.setSize(block, of: file.firstBlock + row)
      if file.start == FileRecord.unset { file.start = start }
    }
  }

  private func endDuplicateSearch(_ number: Int) throws {
    let file = files[number]
    guard hasStoredBlocks else { return }
    if let candidate {
      let other = files[candidate.file]
      if blocks.areEqual(file, other) {
        blocks.share(&files[number], other)
        files[number].owner = other.owner
        statistics.duplicateBytes += file.size - file.sparse - file.size % UInt64(blockSize)
        return
      }
      try giveUpCandidate(keeping: 0)
    }
    filesByFirstBlock[key(of: file, size: file.size)] = UInt32(number)
  }

  /// Tells files that may be equal: by their first stored block, the holes before it, their size.
  private func key(of file: FileRecord, size: UInt64) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(blocks.hash(file.firstBlock))
    hasher.combine(blocks.leadingHoles(of: file))
    hasher.combine(size)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
