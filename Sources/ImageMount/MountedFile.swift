import SquashFS
import SquashFSFormat
import Synchronization

/// A regular file that was read lately: where its blocks are, and how it is read.
final class MountedFile: Sendable {
  let size: UInt64
  let blockSize: UInt64
  private let index: Mutex<BlockIndex>
  let pattern = Mutex(ReadPattern())

  init(_ index: BlockIndex) {
    size = index.size
    blockSize = UInt64(index.blockSize.byteCount)
    self.index = Mutex(index)
  }

  /// The parts that hold a range.
  func parts(
    _ range: Range<UInt64>, _ image: Image
  ) throws(ImageReadError) -> [BlockIndex.Part] {
    try withIndex { (index) throws(ImageReadError) in try index.parts(range, in: image) }
  }

  /// The first offset from `offset` on that is in a hole, or not in one.
  func next(
    isHole: Bool, from offset: UInt64, _ image: Image
  ) throws(ImageReadError) -> UInt64? {
    try withIndex { (index) throws(ImageReadError) in
      try index.next(isHole: isHole, from: offset, in: image)
    }
  }

  /// Calls `body` with a copy, as it may wait for a network; what it learns stays.
  private func withIndex<R>(
    _ body: (inout BlockIndex) throws(ImageReadError) -> R
  ) throws(ImageReadError) -> R {
    var copy = index.withLock { $0 }
    defer { index.withLock { if $0.reach < copy.reach { $0 = copy } } }
    return try body(&copy)
  }
}

/// The files read lately, as nobody says when a file is opened or closed.
final class MountedFiles: Sendable {
  private let state = Mutex(Shared())
  private let limit: Int

  private struct Shared {
    var files: [UInt64: MountedFile] = [:]
    /// Those before the latest half.
    var older: [UInt64: MountedFile] = [:]
  }

  /// - Parameter count: the most files to keep.
  init(limit count: Int) { limit = max(2, count) }

  func file(_ node: NodeNumber) -> MountedFile? {
    state.withLock { shared in
      if let file = shared.files[node.rawValue] { return file }
      guard let file = shared.older[node.rawValue] else { return nil }
      Self.add(file, node, to: &shared, limit)
      return file
    }
  }

  /// Adds a file, unless another thread has done so.
  ///
  /// - Returns: the one that is kept.
  func add(_ file: MountedFile, _ node: NodeNumber) -> MountedFile {
    state.withLock { shared in
      if let known = shared.files[node.rawValue] { return known }
      Self.add(file, node, to: &shared, limit)
      return file
    }
  }

  private static func add(
    _ file: MountedFile, _ node: NodeNumber, to shared: inout Shared, _ limit: Int
  ) {
    if shared.files.count >= limit / 2 {
      shared.older = shared.files
      shared.files.removeAll(keepingCapacity: false)
    }
    shared.files[node.rawValue] = file
  }
}
