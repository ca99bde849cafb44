import Posix
import SquashFSFormat
import Synchronization

/// Unpacks every data and fragment block once, in image order, on all threads; checks that nothing
/// overlaps and nothing is left over.
final class DataCheck {
  private let image: Image
  private let list: FindingList
  private let collector: BlockCollector
  private let regions: [Region]
  private let threads: Int

  private(set) var counts = BlockCounts()
  var onProgress: (Double, UInt64) -> Void = { _, _ in }
  private var bytesSubmitted: UInt64 = 0

  /// The unpacked size of each fragment block.
  let fragmentSizes: FragmentSizes
  /// The end of the part checked so far, what ends there, and the next table in the image.
  private var covered: UInt64 = 0
  private var coveredBy = "superblock"
  private var coveringBlock: FindingList.Subject?
  private var nextRegion = 0

  init(
    _ image: Image, _ list: FindingList, _ collector: BlockCollector, regions: [Region],
    threads: Int
  ) {
    self.image = image
    self.list = list
    self.collector = collector
    self.regions = regions
    self.threads = threads
    fragmentSizes = FragmentSizes(count: Int(image.superblock.fragmentCount))
  }

  /// - Parameters:
  ///   - readsBlocks: whether to unpack blocks, or only check their places.
  ///   - findsGaps: whether all owners of bytes are known.
  func run(readsBlocks: Bool, findsGaps: Bool) throws {
    let windows = collector.blockWindows()
    let pool = readsBlocks ? try makePool() : nil
    let tally = Tally()
    for window in windows {
      collector.collectBlocks(window, isOnly: windows.count == 1)
      if collector.hasOverflowed { break }
      collector.sortBlocks()
      checkPlaces(findsGaps: findsGaps)
      if let pool { read(with: pool, tally) }
    }
    passRegions(before: UInt64.max, findsGaps: findsGaps)
    if findsGaps { checkGap(before: min(image.superblock.bytesUsed, image.input.length)) }
    pool?.drain()
    counts = tally.counts
    let tailWindows = collector.tailWindows()
    for window in tailWindows {
      collector.collectTails(window, isOnly: tailWindows.count == 1)
      collector.sortTails()
      checkTails(window, knowsSizes: readsBlocks, findsGaps: findsGaps)
    }
    if collector.hasOverflowed {
      list.add(
        Finding(
          .error, .block, "too many blocks, or too many in one place; not all were checked"))
    }
  }

  // MARK: Places

  /// Checks the places of a window's blocks; drops overlapping ones, which are not worth
  /// unpacking.
  private func checkPlaces(findsGaps: Bool) {
    var last: BlockCollector.Block?
    var isOverlap = false
    for index in collector.blocks.indices {
      let block = collector.blocks[index]
      passRegions(before: block.start, findsGaps: findsGaps)
      let isRepeated =
        last.map { $0.start == block.start && $0.stored.byteCount == block.stored.byteCount }
        ?? false
      if !isRepeated { isOverlap = block.start < covered }
      if isOverlap && !isRepeated {
        let finding = Finding(
          .error, .overlap, offset: image.input.base + block.start,
          "a block of \(block.stored.byteCount.counted("byte")) overlaps the \(coveredBy)")
        // Either may be the one that is where it should be.
        if let coveringBlock {
          list.add(finding, about: block.subject, coveringBlock)
        } else {
          list.add(finding, about: block.subject)
        }
      } else if findsGaps && !isRepeated {
        checkGap(before: block.start)
      }
      if isOverlap { collector.drop(at: index) }
      if block.end > covered {
        covered = block.end
        coveredBy = "block before"
        coveringBlock = block.subject
      }
      last = block
    }
  }

  /// Advances past the tables that start before a position.
  private func passRegions(before position: UInt64, findsGaps: Bool) {
    while nextRegion < regions.count, regions[nextRegion].range.lowerBound <= position {
      let region = regions[nextRegion]
      nextRegion += 1
      if region.range.lowerBound < covered {
        let finding = Finding(
          .error, .overlap, offset: image.input.base + region.range.lowerBound,
          "the \(region.name) overlaps the \(coveredBy)")
        if let coveringBlock {
          list.add(finding, about: coveringBlock)
        } else {
          list.add(finding)
        }
      } else if findsGaps {
        checkGap(before: region.range.lowerBound)
      }
      if region.range.upperBound > covered {
        covered = region.range.upperBound
        coveredBy = region.name
        coveringBlock = nil
      }
    }
  }

  private func checkGap(before position: UInt64) {
    guard position > covered, !isPadding(covered..<position) else { return }
    list.add(
      Finding(
        .warning, .gap, offset: image.input.base + covered,
        Self.unowned(position - covered, "to nothing")))
  }

  private static func unowned(
    _ count: UInt64, _ owner: String, in fragment: UInt32? = nil
  ) -> String {
    let place = fragment.map { " of fragment \($0)" } ?? ""
    return "\(count.counted("byte"))\(place) \(count == 1 ? "belongs" : "belong") \(owner)"
  }

  /// Whether a gap is padding: if data follows the tables, it begins at a multiple of 4 KiB.
  private func isPadding(_ gap: Range<UInt64>) -> Bool {
    guard gap.upperBound % 4096 == 0, gap.upperBound - gap.lowerBound <= 64 << 10 else {
      return false
    }
    var bytes = [UInt8](repeating: 1, count: Int(gap.upperBound - gap.lowerBound))
    do {
      try bytes.withUnsafeMutableBytes { try image.input.read($0, at: gap.lowerBound) }
    } catch {
      return false
    }
    return bytes.allSatisfy { $0 == 0 }
  }

  // MARK: Blocks

  /// Counts the threads' results.
  private final class Tally: Sendable {
    private let total = Mutex(BlockCounts())

    func add(_ counts: BlockCounts) {
      total.withLock {
        $0.blocks += counts.blocks
        $0.plainBytes += counts.plainBytes
        $0.unproven += counts.unproven
      }
    }

    var counts: BlockCounts { total.withLock { $0 } }
  }

  private func makePool() throws -> TaskPool<BlockTester> {
    var testers: [BlockTester] = []
    // Each has buffers of a block's size, and a decompressor with a dictionary of that size.
    let most = max(2, (32 << 20) / (3 * image.superblock.blockSize.byteCount))
    for _ in 0..<min(threads, most) { testers.append(try BlockTester(image, list, fragmentSizes)) }
    return try TaskPool(contexts: testers, queueLimit: 4 * testers.count)
  }

  /// Passes runs of adjacent blocks to the threads.
  private func read(with pool: TaskPool<BlockTester>, _ tally: Tally) {
    let total = Double(max(1, image.superblock.bytesUsed))
    var storedBytes = bytesSubmitted
    defer { bytesSubmitted = storedBytes }
    var run: [BlockCollector.Block] = []
    func submit() {
      guard !run.isEmpty else { return }
      let blocks = run
      run.removeAll()
      pool.submit { tester in
        tally.add(tester.test(blocks))
      }
      storedBytes += blocks.reduce(0) { $0 + UInt64($1.stored.byteCount) }
      onProgress(Double(blocks[blocks.count - 1].end) / total, storedBytes)
    }
    for block in collector.blocks where !block.isDropped {
      if let first = run.first, let last = run.last, !block.hasPlace(of: last),
        block.start != last.end || block.end - first.start > UInt64(BlockTester.runSize)
      {
        submit()
      }
      run.append(block)
    }
    submit()
    pool.drain()
  }

  // MARK: Tails

  /// Checks that the ends of files fill each fragment block without overlapping.
  private func checkTails(_ window: Range<UInt64>, knowsSizes: Bool, findsGaps: Bool) {
    var tails = collector.tails[...]
    let end = min(window.upperBound, UInt64(image.superblock.fragmentCount))
    var fragment = window.lowerBound
    while fragment < end {
      let rest = tails.drop { UInt64($0.fragment) == fragment }
      let own = tails[..<rest.startIndex]
      tails = rest
      checkTails(of: UInt32(fragment), own, knowsSizes: knowsSizes, findsGaps: findsGaps)
      fragment += 1
    }
  }

  private func checkTails(
    of fragment: UInt32, _ tails: ArraySlice<BlockCollector.Tail>, knowsSizes: Bool,
    findsGaps: Bool
  ) {
    let size = knowsSizes ? fragmentSizes[fragment] : nil
    if knowsSizes && size == nil && list.isLost(.fragment(fragment)) { return }
    let offset = (try? image.fragment(fragment)).map { image.input.base + $0.start }
    func report(_ severity: Finding.Severity, _ kind: Finding.Kind, _ file: UInt32?, _ text: String)
    {
      let finding = Finding(severity, kind, offset: offset, text)
      if let file { list.add(finding, about: .inode(file)) } else { list.add(finding) }
    }
    var covered: UInt32 = 0
    for tail in tails {
      if let size, tail.offset + tail.size > size {
        report(
          .error, .tail, tail.file,
          "its end lies past the end of fragment \(fragment), which has "
            + size.counted("byte"))
      } else if tail.offset < covered {
        report(
          .error, .overlap, tail.file,
          "its end overlaps another file's end in fragment \(fragment)")
      } else if tail.offset > covered && findsGaps {
        report(
          .warning, .gap, nil,
          Self.unowned(UInt64(tail.offset - covered), "to no file", in: fragment))
      }
      covered = max(covered, tail.offset + tail.size)
    }
    if let size, covered < size, findsGaps {
      report(
        .warning, .gap, nil, Self.unowned(UInt64(size - covered), "to no file", in: fragment))
    }
  }
}
