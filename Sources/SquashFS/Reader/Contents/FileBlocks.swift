import SquashFSFormat

/// The parts of a regular file in order: blocks, holes, and the end in a fragment.
package struct FileBlocks {
  package enum Part: Sendable {
    /// A block that unpacks to exactly `size` bytes.
    case block(BlockPlace, size: Int)
    /// Zero bytes that take no room, in one or several adjacent blocks.
    case hole(size: Int)
    /// Bytes of a fragment block.
    case tail(fragment: UInt32, offset: Int, size: Int)

    /// The number of the file's bytes.
    package var size: Int {
      switch self {
      case .block(_, let size), .hole(let size), .tail(_, _, let size): size
      }
    }
  }

  private let image: Image
  private let file: InodeRecord.File
  private var cursor: MetadataCursor?
  private var blocksLeft: UInt64
  /// The block after a hole.
  private var pending: StoredBlock?
  private var position: UInt64
  /// The offset in the file of the next part, in bytes.
  package private(set) var offset: UInt64 = 0
  /// Whether there are no more parts.
  package private(set) var isDone = false

  init(
    _ image: Image, _ file: InodeRecord.File, at tail: MetadataReference
  ) throws(ImageReadError) {
    guard file.size <= UInt64(Int64.max) else {
      throw .damaged(at: nil, "a file of \(file.size) bytes, more than Linux supports")
    }
    self.image = image
    self.file = file
    blocksLeft = file.blockCount(image.superblock.blockSize)
    cursor = blocksLeft > 0 ? try MetadataCursor(image.inodes, at: tail) : nil
    position = file.blocksStart
  }

  /// The next part; `nil` after the last.
  ///
  /// - Throws: `ImageReadError` for a block at an impossible place. The part is then skipped,
  ///   unless the list itself is unreadable.
  package mutating func next() throws(ImageReadError) -> Part? {
    let blockSize = image.superblock.blockSize
    if blocksLeft > 0 || pending != nil {
      let stored: StoredBlock
      if let next = pending { stored = next } else { stored = try nextStored() }
      pending = nil
      let size = Int(min(UInt64(blockSize.byteCount), file.size - offset))
      offset += UInt64(size)
      if stored == .hole { return .hole(size: try size + moreHoles()) }
      let start = position
      position = position.addingReportingOverflow(UInt64(stored.byteCount)).partialValue
      return .block(try image.place(start, stored), size: size)
    }
    guard !isDone else { return nil }
    isDone = true
    let size = file.tailSize(blockSize)
    guard size > 0 else { return nil }
    offset += UInt64(size)
    guard UInt64(file.fragmentOffset) + UInt64(size) <= UInt64(blockSize.byteCount) else {
      throw .damaged(
        at: nil, "the end of a file lies past the end of its fragment")
    }
    return .tail(fragment: file.fragment, offset: Int(file.fragmentOffset), size: size)
  }

  /// The places of the blocks that are left, and that of the fragment with the file's end; as far as
  /// they can be read.
  package var places: [Range<UInt64>] {
    var rest = self
    var places: [Range<UInt64>] = []
    while let part = try? rest.next() {
      switch part {
      case .hole: continue
      case .block(let place, _):
        let end = place.start + UInt64(place.stored.byteCount)
        if let last = places.last, last.upperBound == place.start {
          places[places.count - 1] = last.lowerBound..<end
        } else {
          places.append(place.start..<end)
        }
      case .tail(let fragment, _, _):
        guard let place = try? image.fragment(fragment) else { continue }
        places.append(place.start..<place.start + UInt64(place.stored.byteCount))
      }
    }
    return places
  }

  /// Moves past the block at an offset, which must not lie before the next part's.
  ///
  /// - Returns: the block's place; `nil` if it is a hole or smaller than a whole block, or if the
  ///   file ends before.
  mutating func wholeBlock(at target: UInt64) throws(ImageReadError) -> BlockPlace? {
    let blockSize = UInt64(image.superblock.blockSize.byteCount)
    while blocksLeft > 0, offset <= target {
      let stored = try nextStored()
      let (start, own) = (position, offset)
      position = position.addingReportingOverflow(UInt64(stored.byteCount)).partialValue
      offset += min(blockSize, file.size - own)
      guard own == target else { continue }
      return stored == .hole || offset - own < blockSize ? nil : try image.place(start, stored)
    }
    return nil
  }

  /// - Returns: the number of bytes in further holes.
  private mutating func moreHoles() throws(ImageReadError) -> Int {
    let start = offset
    while blocksLeft > 0 {
      let stored = try nextStored()
      guard stored == .hole else {
        pending = stored
        break
      }
      offset += min(UInt64(image.superblock.blockSize.byteCount), file.size - offset)
    }
    return Int(offset - start)
  }

  private mutating func nextStored() throws(ImageReadError) -> StoredBlock {
    do {
      blocksLeft -= 1
      return StoredBlock(rawValue: try cursor!.record(4) { $0.little(0) })
    } catch {
      blocksLeft = 0
      isDone = true
      throw error
    }
  }
}

extension Image {
  /// Hints that a file will be read to its end, so that a distant source may fetch all of it at once.
  func willRead(_ blocks: FileBlocks) {
    for place in blocks.places { input.willRead(place) }
  }
}
