import Posix
import SquashFSFormat

/// Worker threads that compress blocks, behind a window of slots: the caller submits blocks and
/// gets them back in the order of submission.
///
/// Only the codec and what spares it, the probe and `BlockReuse`, run elsewhere. Reading, finding
/// duplicates, laying out tables and writing stay on the caller's thread, so the image cannot depend
/// on timing or on the number of threads. The
/// window limits memory and provides back-pressure.
final class CompressionPool {
  private let core: PoolCore
  private let threads: ThreadGroup
  private var submitted = 0
  private var retired = 0

  /// - Parameters:
  ///   - count: the number of threads; fewer start if the system runs out.
  ///   - window: how many blocks may be in flight.
  ///   - blockSize: of data, in bytes.
  ///   - makeWorker: called once on each thread.
  /// - Throws: `SystemError` if the system cannot start even one.
  init(
    threads count: Int, window: Int, blockSize: Int,
    makeWorker: @escaping @Sendable () throws -> CompressionWorker
  ) throws {
    let core = PoolCore(window: window, blockSize: blockSize)
    self.core = core
    threads = try ThreadGroup(
      Array(repeating: { core.serve(makeWorker) }, count: count))
  }

  deinit {
    core.close()
    threads.join()
  }

  /// The slot to fill next; `nil` while the window is full: retire the oldest first.
  var freeSlot: CompressionSlot? {
    submitted - retired < core.slots.count ? core.slots[submitted % core.slots.count] : nil
  }

  /// The most blocks in flight.
  var window: Int { core.slots.count }

  /// Whether no block is in flight.
  var isIdle: Bool { submitted == retired }

  /// Passes the slot from `freeSlot` to a worker.
  func submit() {
    submitted += 1
    core.submit()
  }

  /// Waits for the oldest block in flight. Its slot is free again at the next call.
  func retire() throws -> CompressionSlot {
    precondition(!isIdle)
    defer { retired += 1 }
    return try core.wait(for: retired)
  }

  /// The block in flight for `job`; its `input` may be read.
  func inFlight(_ job: CompressionSlot.Job) -> CompressionSlot? {
    for number in retired..<submitted {
      let slot = core.slots[number % core.slots.count]
      if slot.job == job { return slot }
    }
    return nil
  }
}

/// One block on its way through the pool. The pool's counters say who may touch it: the caller
/// before `submit` and after `retire`, a worker in between (`input` and `job` stay readable).
final class CompressionSlot: @unchecked Sendable {
  enum Job: Equatable {
    /// The row of the block in the list of all blocks of files.
    case data(file: Int, block: Int)
    case fragment(Int)
    case metadata(BlockShape)
  }

  /// The place in an old image of a block that may be the same.
  var old: BlockPlace?
  /// What became of that.
  var reuse = BlockReuse.Outcome.different
  /// Swapped with the buffer that the caller filled, so that no byte is copied.
  var input: UnsafeMutableRawBufferPointer
  var inputCount = 0
  var job = Job.fragment(0)
  let output: UnsafeMutableRawBufferPointer
  /// The compressed size; `nil` if the block should be stored uncompressed.
  var outputCount: Int?
  /// The filter that the compressed block has.
  var filter: CodeFilter?
  /// Of a block of a file, if the workers make digests.
  var digest = BlockDigest.unknown

  init(blockSize: Int) {
    input = .allocate(byteCount: blockSize, alignment: 64)
    output = .allocate(byteCount: max(blockSize, MetadataBlock.byteCount), alignment: 64)
  }

  deinit {
    input.deallocate()
    output.deallocate()
  }

  /// Copies a block of metadata to `input`, which may be too small for it: blocks of data can have
  /// 4 KiB.
  func fill(with plain: UnsafeRawBufferPointer) {
    if input.count < plain.count {
      input.deallocate()
      input = .allocate(byteCount: plain.count, alignment: 64)
    }
    input.copyMemory(from: plain)
    inputCount = plain.count
  }

  /// The block before compression.
  var plain: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: input[..<inputCount]) }

  /// The block in its form for the image.
  var stored: UnsafeRawBufferPointer {
    guard let outputCount else { return plain }
    return UnsafeRawBufferPointer(rebasing: output[..<outputCount])
  }
}

/// What one thread of the pool owns.
final class CompressionWorker {
  private let compression: Compression
  private let codec: any BlockCompressor
  /// Made for the first block of metadata.
  private var metadataCodec: (any BlockCompressor)?
  /// `nil` if probing blocks takes as long as compressing them.
  private let probe: BlockProbe?
  private let storesIncompressible: Bool
  private let makesDigests: Bool
  /// `nil` without an old image.
  private let reuse: BlockReuse?

  /// - Parameters:
  ///   - blockSize: of data, in bytes.
  ///   - storesIncompressible: whether to skip blocks of data that look incompressible.
  ///   - makesDigests: whether to make digests of files' blocks.
  ///   - reuse: the old image to take blocks from.
  init(
    _ compression: Compression, blockSize: Int, storesIncompressible: Bool, makesDigests: Bool,
    reuse: BlockReuse?
  ) throws(CodecError) {
    self.compression = compression
    codec = try compression.makeCompressor(largest: blockSize)
    probe =
      compression.isWorthProbing
      ? BlockProbe(blockSize: blockSize, filters: compression.filters) : nil
    self.storesIncompressible = storesIncompressible
    self.makesDigests = makesDigests
    self.reuse = reuse
  }

  func work(_ slot: CompressionSlot) throws(CodecError) {
    let plain = slot.plain
    slot.reuse = .different
    if case .metadata(let shape) = slot.job {
      if metadataCodec == nil { metadataCodec = try compression.makeMetadataCompressor() }
      return try compress(slot, metadataCodec!, shape)
    }
    slot.filter = nil
    if makesDigests, case .data = slot.job { slot.digest = BlockDigest(plain) }
    if let old = slot.old, let reuse {
      slot.reuse = reuse.take(old, for: plain, into: slot.output) {
        slot.filter = probe?.filter(for: plain)
        return slot.filter
      }
      if case .same = slot.reuse {
        slot.outputCount = old.stored.isCompressed ? old.stored.byteCount : nil
        return
      }
    }
    let shape = probe?.shape(of: plain) ?? .unknown
    slot.filter = shape.filter
    if shape.isIncompressible && storesIncompressible {
      slot.outputCount = nil
    } else {
      try compress(slot, codec, shape)
    }
  }

  private func compress(
    _ slot: CompressionSlot, _ codec: any BlockCompressor, _ shape: BlockShape
  ) throws(CodecError) {
    let plain = slot.plain
    // One byte less than the block: a block that does not shrink is stored.
    let room = UnsafeMutableRawBufferPointer(rebasing: slot.output[..<(plain.count - 1)])
    slot.outputCount = try codec.compress(plain, shape: shape, into: room)
  }
}

/// State shared by the caller's thread and the workers, guarded by its monitor: `Mutex` cannot wait
/// for a condition.
private final class PoolCore: @unchecked Sendable {
  private static let workReady = 0
  private static let blockDone = 1

  let slots: [CompressionSlot]
  private let monitor = Monitor(conditions: 2)

  // Guarded by `monitor`.
  private var isDone: [Bool]
  private var submitted = 0
  private var taken = 0
  private var isClosed = false
  private var failure: (any Error)?

  init(window: Int, blockSize: Int) {
    slots = (0..<window).map { _ in CompressionSlot(blockSize: blockSize) }
    isDone = Array(repeating: false, count: window)
  }

  func submit() {
    monitor.withLock {
      submitted += 1
      monitor.signal(Self.workReady)
    }
  }

  func wait(for number: Int) throws -> CompressionSlot {
    let index = number % slots.count
    try monitor.withLock {
      while !isDone[index] && failure == nil { monitor.wait(on: Self.blockDone) }
      if let failure { throw failure }
      isDone[index] = false
    }
    return slots[index]
  }

  func close() {
    monitor.withLock {
      isClosed = true
      monitor.broadcast(Self.workReady)
    }
  }

  func serve(_ makeWorker: () throws -> CompressionWorker) {
    do {
      let worker = try makeWorker()
      while let number = next() {
        try worker.work(slots[number % slots.count])
        monitor.withLock {
          isDone[number % slots.count] = true
          monitor.signal(Self.blockDone)  // only the pool's owner waits on it
        }
      }
    } catch {
      monitor.withLock {
        if failure == nil { failure = error }
        monitor.broadcast(Self.blockDone)
        monitor.broadcast(Self.workReady)
      }
    }
  }

  /// The number of the next block to work on; `nil` if there will be none.
  private func next() -> Int? {
    monitor.withLock {
      while taken == submitted && !isClosed && failure == nil { monitor.wait(on: Self.workReady) }
      guard !isClosed, failure == nil else { return nil }
      taken += 1
      return taken - 1
    }
  }
}
