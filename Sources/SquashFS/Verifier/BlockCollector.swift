import SquashFSFormat

/// The blocks and tails that files and the fragment table refer to: all of them, or, if there are
/// too many, those in a window of the image.
final class BlockCollector {
  struct Block {
    var start: UInt64
    var stored: StoredBlock
    /// The size in bytes that it must unpack to; 0 for a fragment block, which can have any size.
    var size: UInt32
    /// The inode number of a file that has it, or the index of the fragment.
    var owner: UInt32

    var end: UInt64 { start + UInt64(stored.byteCount) }
    var isFragment: Bool { size == 0 }
    /// Marked by the value of a hole, which no stored block has.
    var isDropped: Bool { stored == .hole }
    var subject: FindingList.Subject { isFragment ? .fragment(owner) : .block(start) }

    /// Whether both are the same bytes, which need unpacking only once.
    func hasPlace(of other: Block) -> Bool { start == other.start && stored == other.stored }

    func isSame(as other: Block) -> Bool {
      start == other.start && stored == other.stored && size == other.size
        && (!isFragment || owner == other.owner)
    }

    static func precedes(_ first: Block, _ second: Block) -> Bool {
      if first.start != second.start { return first.start < second.start }
      if first.stored != second.stored { return first.stored.rawValue < second.stored.rawValue }
      if first.size != second.size { return first.size < second.size }
      return first.owner < second.owner
    }
  }

  struct Tail {
    var fragment: UInt32
    var offset: UInt32
    var size: UInt32
    var file: UInt32

    static func precedes(_ first: Tail, _ second: Tail) -> Bool {
      if first.fragment != second.fragment { return first.fragment < second.fragment }
      if first.offset != second.offset { return first.offset < second.offset }
      if first.size != second.size { return first.size < second.size }
      return first.file < second.file
    }
  }

  /// Takes 9 MB for blocks, 12 MB for tails.
  static let mostBlocks = 3 << 17
  static let mostTails = 3 << 18

  private(set) var blocks: [Block] = []
  private(set) var tails: [Tail] = []
  /// Whether a window has more than could be kept.
  private(set) var hasOverflowed = false

  private let image: Image
  /// The number of the image's bytes that exist.
  private let size: UInt64
  private var blockWindow: Range<UInt64>
  private var tailWindow: Range<UInt32> = 0..<UInt32.max
  private var blockCounts = Slices(of: 0)
  private var tailCounts = Slices(of: 0)
  private var isFirst = true
  /// Whether the first collection is incomplete.
  private var hasDropped = false

  init(_ image: Image) {
    self.image = image
    blockWindow = 0..<UInt64.max
    size = min(image.superblock.bytesUsed, image.input.length)
    blockCounts = Slices(of: size)
    tailCounts = Slices(of: UInt64(image.superblock.fragmentCount))
  }

  func add(file number: UInt32, _ place: BlockPlace, size: Int) {
    add(Block(start: place.start, stored: place.stored, size: UInt32(size), owner: number))
  }

  func add(fragment index: UInt32, _ place: BlockPlace) {
    add(Block(start: place.start, stored: place.stored, size: 0, owner: index))
  }

  private func add(_ block: Block) {
    if isFirst { blockCounts.count(block.start) }
    guard blockWindow.contains(block.start) else { return }
    if blocks.count == Self.mostBlocks {
      guard !isFirst else {
        hasDropped = true
        return
      }
      guard !hasOverflowed else { return }
      sortBlocks()
      // If deduplication saves little, the same would be sorted again and again.
      if blocks.count > Self.mostBlocks / 2 {
        hasOverflowed = true
        return
      }
    }
    blocks.append(block)
  }

  func addTail(_ fragment: UInt32, offset: Int, size: Int, file: UInt32) {
    if isFirst { tailCounts.count(UInt64(fragment)) }
    guard tailWindow.contains(fragment) else { return }
    if tails.count == Self.mostTails {
      guard !isFirst else {
        hasDropped = true
        return
      }
      guard !hasOverflowed else { return }
      sortTails()
      if tails.count > Self.mostTails / 2 {
        hasOverflowed = true
        return
      }
    }
    tails.append(
      Tail(fragment: fragment, offset: UInt32(offset), size: UInt32(size), file: file))
  }

  /// Marks a block to be skipped.
  func drop(at index: Int) { blocks[index].stored = .hole }

  /// Sorts by place and merges references to the same block.
  func sortBlocks() {
    blocks.sort(by: Block.precedes)
    blocks.removeRepetitions { $0.isSame(as: $1) }
  }

  func sortTails() {
    tails.sort(by: Tail.precedes)
    tails.removeRepetitions {
      $0.fragment == $1.fragment && $0.offset == $1.offset && $0.size == $1.size
    }
  }

  /// Ranges of the image with not too many blocks each, in order. Ends the first collection.
  func blockWindows() -> [Range<UInt64>] {
    isFirst = false
    return limited(blockCounts.windows(most: Self.mostBlocks))
  }

  func tailWindows() -> [Range<UInt64>] { limited(tailCounts.windows(most: Self.mostTails)) }

  /// Limits the windows: each is a pass over all inodes, worthwhile only for a large image. Half a
  /// million references to its blocks stand for 16 MB, even if each block occurs a hundred times.
  private func limited(_ windows: [Range<UInt64>]) -> [Range<UInt64>] {
    let most = 8 + Int(clamping: size >> 24)
    if windows.count > most { hasOverflowed = true }
    return Array(windows.prefix(most))
  }

  /// Collects the blocks of one window; the first collection is reused if it is complete.
  func collectBlocks(_ window: Range<UInt64>, isOnly: Bool) {
    if isOnly && !hasDropped { return }
    blocks.removeAll(keepingCapacity: true)
    blockWindow = window
    tailWindow = 0..<0
    collect()
  }

  func collectTails(_ window: Range<UInt64>, isOnly: Bool) {
    if isOnly && !hasDropped { return }
    tails.removeAll(keepingCapacity: true)
    blockWindow = 0..<0
    tailWindow = UInt32(clamping: window.lowerBound)..<UInt32(clamping: window.upperBound)
    collect()
  }

  /// Reads fragment table and inodes again; their errors were reported the first time.
  private func collect() {
    if let table = image.fragmentTable, !blockWindow.isEmpty {
      for index in 0..<table.count {
        if let place = try? image.fragment(UInt32(index)) {
          add(fragment: UInt32(index), place)
        }
      }
    }
    guard var scan = try? InodeScan(image) else { return }
    while let inode = try? scan.next() {
      guard case .file(let file) = inode.record.body, var parts = try? image.blocks(of: inode)
      else { continue }
      if blockWindow.isEmpty && !(file.hasFragment && tailWindow.contains(file.fragment)) {
        continue
      }
      while !parts.isDone {
        switch try? parts.next() {
        case .block(let place, let size)?: add(file: inode.record.number, place, size: size)
        case .tail(let fragment, let offset, let size)?:
          addTail(fragment, offset: offset, size: size, file: inode.record.number)
        case .hole?, nil: break
        }
      }
    }
  }
}

/// Counts numbers by slices of their range, to choose windows with not too many.
private struct Slices {
  private let width: UInt64
  private var counts: [UInt64]

  init(of size: UInt64) {
    let slices: UInt64 = 4096
    width = max(1, size / slices + 1)
    counts = Array(repeating: 0, count: Int(slices))
  }

  mutating func count(_ number: UInt64) {
    counts[min(counts.count - 1, Int(clamping: number / width))] += 1
  }

  func windows(most: Int) -> [Range<UInt64>] {
    var windows: [Range<UInt64>] = []
    var start: UInt64 = 0
    var sum: UInt64 = 0
    for (index, count) in counts.enumerated() {
      let slice = UInt64(index) * width
      if sum > 0 && sum + count > UInt64(most) {
        windows.append(start..<slice)
        start = slice
        sum = 0
      }
      sum += count
    }
    windows.append(start..<UInt64.max)
    return windows
  }
}

extension Array {
  /// Keeps the first of each run of equal elements.
  fileprivate mutating func removeRepetitions(_ areSame: (Element, Element) -> Bool) {
    guard var last = first else { return }
    var kept = 1
    for index in indices.dropFirst() where !areSame(last, self[index]) {
      last = self[index]
      self[kept] = last
      kept += 1
    }
    removeSubrange(kept...)
  }
}
