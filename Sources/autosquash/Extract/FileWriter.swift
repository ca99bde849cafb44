import FileTrees
import Posix
import SquashFS
import SquashFSFormat
import Synchronization
import Terminal
import TreeModel

/// What the threads of an extraction share.
final class SharedState: Sendable {
  let keepsGoing: Bool
  private let listsLosses: Bool
  private let context: ExtractionContext
  /// Bytes of files written.
  let bytes = Atomic<UInt64>(0)
  private let lostCount = Atomic<Int>(0)
  private let losses = Mutex<[Loss]>([])
  private let hasStopped = Atomic<Bool>(false)
  private let failure = Mutex<(any Error)?>(nil)

  /// - Parameter listsLosses: whether `firstLosses` is wanted.
  init(_ context: ExtractionContext, keepsGoing: Bool, listsLosses: Bool) {
    self.context = context
    self.keepsGoing = keepsGoing
    self.listsLosses = listsLosses
  }

  var isStopped: Bool { hasStopped.load(ordering: .relaxed) }
  var lost: Int { lostCount.load(ordering: .relaxed) }
  /// What ended the extraction.
  var error: (any Error)? { failure.withLock { $0 } }

  /// A file that is not what it was, and why.
  struct Loss {
    var path: [UInt8]
    var text: String
  }

  /// The first of them.
  var firstLosses: [Loss] { losses.withLock { $0 } }
  private static let mostLosses = 1 << 16

  func countLost(_ path: [UInt8], _ text: String) {
    lostCount.add(1, ordering: .relaxed)
    losses.withLock {
      if listsLosses, $0.count < Self.mostLosses { $0.append(Loss(path: path, text: text)) }
    }
    Messages.write(path, text)
  }

  /// Ends the extraction with the first error that comes.
  func stop(_ error: any Error) {
    failure.withLock { if $0 == nil { $0 = error } }
    context.stop()
    hasStopped.store(true, ordering: .relaxed)
  }
}

/// A file that is being extracted, in one piece or in several.
final class FileJob: @unchecked Sendable {
  /// Some of the file's bytes, and where they belong.
  enum Part {
    case block(BlockPlace, size: Int, at: UInt64)
    case tail(FragmentCache.Fragment, offset: Int, size: Int, at: UInt64)
    case lost(ImageReadError, size: UInt64, at: UInt64)
  }

  let entry: TreeEntry
  private let name: [UInt8]
  private let directory: OutputDirectory
  private let size: UInt64
  /// Told when the file is there, where it has several names.
  private let made: MadeFile?

  // Guarded by `monitor`.
  private let monitor = Monitor(conditions: 0)
  private var output: OutputFile?
  private var hasFailed = false
  private var piecesLeft = 0
  private var isComplete = false
  private var losses: [(range: Range<UInt64>, error: ImageReadError)] = []
  private var lossCount = 0
  private var lostBytes: UInt64 = 0
  private static let mostLosses = 16
  private var savedBytes: UInt64 = 0

  init(
    _ entry: TreeEntry, name: [UInt8], in directory: OutputDirectory, size: UInt64,
    _ made: MadeFile?
  ) {
    self.made = made
    self.entry = entry
    self.name = name
    self.directory = directory
    self.size = size
  }

  /// Announces a piece of work.
  func addPiece(isLast: Bool = false) {
    monitor.withLock {
      piecesLeft += 1
      isComplete = isLast
    }
  }

  /// The file to write to, opened at the first piece; `nil` where that failed.
  func open() -> OutputFile? {
    monitor.withLock {
      if output == nil && !hasFailed {
        output = OutputFile(name, in: directory, size: size, entry.attributes, entry.xattrs)
        hasFailed = output == nil
      }
      return hasFailed ? nil : output
    }
  }

  func noteLoss(_ range: Range<UInt64>, _ error: ImageReadError) {
    monitor.withLock {
      lossCount += 1
      lostBytes += range.upperBound - range.lowerBound
      // Enough to tell of; a hostile image can have any number.
      if losses.count < Self.mostLosses { losses.append((range, error)) }
    }
  }

  func noteSaved(_ count: Int) { monitor.withLock { savedBytes += UInt64(count) } }

  /// No more of the file is written.
  func abandon() {
    monitor.withLock {
      hasFailed = true
      output = nil
    }
  }

  /// Ends a piece of work; after the last one the file gets its name.
  func endPiece(_ state: SharedState) {
    let isLast = monitor.withLock { () -> Bool in
      piecesLeft -= 1
      return piecesLeft == 0 && isComplete
    }
    guard isLast, !state.isStopped, let output = open() else { return }
    if losses.isEmpty {
      _ = output.finish(made)
      return
    }
    losses.sort { $0.range.lowerBound < $1.range.lowerBound }
    var text = "lost: \(lostBytes) of \(size) bytes cannot be read"
    text +=
      " (\(losses.prefix(5).map { "\($0.range.lowerBound)-\($0.range.upperBound - 1)" }.joined(separator: ", "))"
    text += lossCount > 5 ? ", …)" : ")"
    if savedBytes > 0, let saved = output.finishDamaged() {
      text += "; the rest is in \(saved.escapedName), with zeros for them"
    }
    state.countLost(entry.path, "\(text): \(losses[0].error)")
  }
}

/// Files of one directory with at most one part each, written one after the other: handing them
/// from thread to thread one by one would take longer than writing them.
struct SmallFiles {
  struct File {
    var name: [UInt8]
    var attributes: Attributes
    var xattrs: [ExtendedAttribute]
    /// `nil` for an empty file.
    var part: FileJob.Part?
  }

  let directory: OutputDirectory
  var files: [File] = []
  private var bytes = 0
  /// The fragments that the files keep in memory.
  private var fragments: Set<ObjectIdentifier> = []

  init(in directory: OutputDirectory) { self.directory = directory }

  mutating func add(_ file: File) {
    files.append(file)
    if let part = file.part {
      switch part {
      case .block(_, let size, _): bytes += size
      case .tail(let fragment, _, let size, _):
        bytes += size
        fragments.insert(ObjectIdentifier(fragment))
      case .lost: break
      }
    }
    for attribute in file.xattrs { bytes += attribute.name.count + attribute.value.count }
  }

  /// Whether there is enough to keep a thread busy for a while.
  var isFull: Bool { files.count >= 128 || bytes >= 1 << 20 || fragments.count >= 4 }
}

/// Reads, unpacks and writes pieces of files on one thread.
final class FileWriter {
  private let unpacker: BlockUnpacker
  private let fragments: FragmentCache
  private let state: SharedState
  private let buffer: UnsafeMutableRawBufferPointer
  /// Where the image starts in its file.
  private let base: UInt64

  init(_ image: Image, _ fragments: FragmentCache, _ state: SharedState) throws {
    unpacker = try image.makeUnpacker()
    self.fragments = fragments
    self.state = state
    base = image.input.base
    buffer = .allocate(byteCount: image.superblock.blockSize.byteCount, alignment: 64)
  }

  deinit { buffer.deallocate() }

  func write(_ parts: [FileJob.Part], of job: FileJob) {
    defer { job.endPiece(state) }
    for part in parts {
      if state.isStopped || Interruption.isRequested { return job.abandon() }
      do {
        try write(part, of: job)
      } catch let error as ImageReadError {
        guard state.keepsGoing else {
          job.abandon()
          return state.stop(error.about(job.entry.path))
        }
        switch part {
        case .block(_, let size, let offset), .tail(_, _, let size, let offset):
          job.noteLoss(offset..<offset + UInt64(size), error)
        case .lost(_, let size, let offset): job.noteLoss(offset..<offset + size, error)
        }
      } catch {
        // A full disk: there will be no room for others either.
        job.abandon()
        return state.stop(error)
      }
    }
  }

  /// Unpacks a fragment before files want their ends from it.
  func prepare(_ fragment: FragmentCache.Fragment) {
    if !state.isStopped { fragments.prepare(fragment, unpacker) }
  }

  func write(_ batch: SmallFiles) {
    for file in batch.files {
      if state.isStopped || Interruption.isRequested { return }
      do {
        try withContent(of: file.part) { content in
          if try batch.directory.makeFile(file.name, content, file.attributes, file.xattrs) {
            state.bytes.add(UInt64(content.count), ordering: .relaxed)
          }
        }
      } catch let error as ImageReadError {
        let path = batch.directory.path(of: file.name)
        guard state.keepsGoing else { return state.stop(error.about(path)) }
        state.countLost(path, "lost: it cannot be read: \(error)")
      } catch {
        return state.stop(error)
      }
    }
  }

  private func withContent(
    of part: FileJob.Part?, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    switch part {
    case nil: try body(UnsafeRawBufferPointer(start: nil, count: 0))
    case .lost(let error, _, _)?: throw error
    case .block(let place, let size, _)?: try body(try unpack(place, size))
    case .tail(let fragment, let offset, let size, _)?:
      try fragments.withBytes(of: fragment, offset: offset, size: size, unpacker, body)
    }
  }

  private func unpack(_ place: BlockPlace, _ size: Int) throws -> UnsafeRawBufferPointer {
    let count = try unpacker.unpack(place, into: buffer)
    guard count == size else {
      throw ImageReadError(
        .damaged, at: base + place.start, "a block unpacks to \(count) bytes, \(size) are due")
    }
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  private func write(_ part: FileJob.Part, of job: FileJob) throws {
    switch part {
    case .lost(let error, _, _): throw error
    case .block(let place, let size, let offset):
      try write(try unpack(place, size), at: offset, of: job)
    case .tail(let fragment, let tailOffset, let size, let offset):
      try fragments.withBytes(of: fragment, offset: tailOffset, size: size, unpacker) {
        try write($0, at: offset, of: job)
      }
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64, of job: FileJob
  ) throws {
    guard let output = job.open() else { return }
    try output.write(bytes, at: offset)
    state.bytes.add(UInt64(bytes.count), ordering: .relaxed)
    job.noteSaved(bytes.count)
  }
}
