package import SquashFSFormat

/// Finds the blocks at any place of a regular file, by marks along its list of blocks.
package struct BlockIndex: Sendable {
  /// A part of a file, and its offset in the file.
  package struct Part: Sendable {
    package var offset: UInt64
    package var part: FileBlocks.Part
  }

  /// What is known before a block: its position in the image, and that of its size in the list.
  private struct Mark {
    var position: UInt64
    var list: MetadataReference
  }

  /// The size of the file in bytes.
  package var size: UInt64 { file.size }
  /// The number of blocks in the list.
  package let blockCount: UInt64
  package let blockSize: BlockSize
  private let file: InodeRecord.File
  private var marks: [Mark]
  /// The blocks from one mark to the next.
  private var stride: UInt64 = 64

  /// The most marks for one file, 32 KiB; if there are more, every other one goes.
  package static let mostMarks = 1 << 11

  /// Up to which block of the list marks are set.
  package var reach: UInt64 { UInt64(marks.count) * stride }
  package var markCount: Int { marks.count }

  /// - Throws: `ImageReadError` if the inode is no regular file, or an impossible one.
  package init(_ inode: ImageInode, of image: Image) throws(ImageReadError) {
    guard case .file(let file) = inode.record.body else {
      throw .damaged(at: image.fileOffset(of: inode), "this is not a regular file")
    }
    guard file.size <= UInt64(Int64.max) else {
      throw .damaged(
        at: image.fileOffset(of: inode),
        "a file of \(file.size) bytes, more than Linux supports")
    }
    self.file = file
    blockSize = image.superblock.blockSize
    blockCount = file.blockCount(blockSize)
    marks = [Mark(position: file.blocksStart, list: inode.tail)]
  }

  /// The parts that hold a range of the file, in order. Adjacent holes are one part, which may begin
  /// before the range and end after it.
  ///
  /// - Parameter range: clamped to the file.
  /// - Throws: `ImageReadError` if the list is unreadable or a block lies at an impossible place;
  ///   `unreadable` if cancelled.
  package mutating func parts(
    _ range: Range<UInt64>, in image: Image
  ) throws(ImageReadError) -> [Part] {
    let range = range.clamped(to: 0..<size)
    guard !range.isEmpty else { return [] }
    var parts: [Part] = []
    let first = range.lowerBound >> UInt64(blockSize.log)
    let end = min(blockCount, ((range.upperBound - 1) >> UInt64(blockSize.log)) + 1)
    if first < end {
      var list = try cursor(at: first, in: image)
      for number in first..<end {
        let offset = number << UInt64(blockSize.log)
        let size = Int(min(UInt64(blockSize.byteCount), file.size - offset))
        let start = list.position
        let stored = try next(&list)
        if stored == .hole {
          if case .hole(let before)? = parts.last?.part {
            parts[parts.count - 1].part = .hole(size: before + size)
          } else {
            parts.append(Part(offset: offset, part: .hole(size: size)))
          }
        } else {
          parts.append(
            Part(offset: offset, part: .block(try image.place(start, stored), size: size)))
        }
      }
    }
    let tail = file.tailSize(blockSize)
    if tail > 0, range.upperBound > file.size - UInt64(tail) {
      guard UInt64(file.fragmentOffset) + UInt64(tail) <= UInt64(blockSize.byteCount) else {
        throw .damaged(at: nil, "the end of a file lies past the end of its fragment")
      }
      parts.append(
        Part(
          offset: file.size - UInt64(tail),
          part: .tail(fragment: file.fragment, offset: Int(file.fragmentOffset), size: tail)))
    }
    return parts
  }

  /// The first offset from `offset` on that is in a hole, or not in one; `nil` if there is none
  /// before the file's end.
  package mutating func next(
    isHole: Bool, from offset: UInt64, in image: Image
  ) throws(ImageReadError) -> UInt64? {
    guard offset < size else { return nil }
    var number = offset >> UInt64(blockSize.log)
    if number < blockCount {
      var list = try cursor(at: number, in: image)
      while number < blockCount {
        try checkCancellation(number, image)
        if (try next(&list) == .hole) == isHole {
          return max(offset, number << UInt64(blockSize.log))
        }
        number += 1
      }
    }
    let tail = UInt64(file.tailSize(blockSize))
    return tail > 0 && !isHole ? max(offset, size - tail) : nil
  }

  // MARK: The list

  private struct List {
    var cursor: MetadataCursor
    var position: UInt64
  }

  private func next(_ list: inout List) throws(ImageReadError) -> StoredBlock {
    let stored = StoredBlock(rawValue: try list.cursor.record(4) { $0.little(0) })
    list.position = list.position.addingReportingOverflow(UInt64(stored.byteCount)).partialValue
    return stored
  }

  /// Asks now and then in a long list.
  private func checkCancellation(_ number: UInt64, _ image: Image) throws(ImageReadError) {
    if number % 4096 == 0 { try image.input.checkCancellation() }
  }

  private mutating func cursor(
    at target: UInt64, in image: Image
  ) throws(ImageReadError) -> List {
    let mark = Int(min(target / stride, UInt64(marks.count - 1)))
    var number = UInt64(mark) * stride
    var list = List(
      cursor: try MetadataCursor(image.inodes, at: marks[mark].list),
      position: marks[mark].position)
    while number < target {
      _ = try next(&list)
      number += 1
      if number == reach {
        add(Mark(position: list.position, list: list.cursor.reference))
      }
      try checkCancellation(number, image)
    }
    return list
  }

  private mutating func add(_ mark: Mark) {
    marks.append(mark)
    guard marks.count > Self.mostMarks else { return }
    marks = marks.indices.filter { $0 % 2 == 0 }.map { marks[$0] }
    stride *= 2
  }
}
