import FileTrees
import HTTP
import Manifests
import ObjectStore
import Posix
import SquashFS
import Uploading

/// Uploads the parts of an image while it is made.
///
/// A signal ends the upload even while the program waits for its source, so a thread of its own looks
/// for one. After that the program ends.
final class PartUpload: ImagePartSink, @unchecked Sendable {
  let partSize: Int
  var largestPart: UInt64 { UInt64(PartSize.most) }

  private let location: ObjectLocation
  private let options: Options
  private var watcher: ThreadGroup?
  private let monitor = Monitor(conditions: 2)
  private static let ended = 0
  private static let free = 1

  // Guarded by `monitor`.
  /// Whether a thread uses the upload.
  private var isBusy = false
  private var isOver = false
  /// Whether the object is there, or may be.
  private var isComplete = false
  private var hasLeftovers = false

  // Used by whoever is busy.
  private let upload: ObjectUpload
  private var digests: [SHA256.Digest] = []
  private var firstDigest: SHA256.Digest?
  private var firstSize: UInt64 = 0
  private var length: UInt64 = 0

  struct Options {
    /// Whether the image's digest is needed.
    var makesDigest: Bool
    /// Told of what is left in the bucket.
    var tell: @Sendable (UnfinishedUpload) -> Void = { _ in }
    /// Called after a signal, once nothing is left.
    var wasInterrupted: @Sendable (_ isUndone: Bool) -> Void = { _ in }
  }

  init(
    to location: ObjectLocation, in store: Store, if condition: UploadCondition, partSize: Int,
    _ object: UploadOptions, _ options: Options
  ) throws {
    self.location = location
    self.partSize = partSize
    self.options = options
    upload = try ObjectUpload(to: location, in: store, if: condition, object)
    watcher = try ThreadGroup([
      { [weak self] in
        while let self, !self.waits() {}
      }
    ])
  }

  // MARK: Parts

  func send(_ part: Int, _ bytes: [UInt8]) throws {
    try use {
      if options.makesDigest {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        digests.append(hash.finish())
      }
      length += UInt64(bytes.count)
      try upload.send(HTTPBody(bytes), asPart: part)
    }
  }

  func send(first part: FirstPart) throws {
    try use {
      let source = FirstPartSource(part)
      if options.makesDigest { firstDigest = try source.digest() }
      firstSize = part.byteCount
      length += part.byteCount
      try upload.send(HTTPBody(source, 0..<part.byteCount), asPart: 1)
      try upload.finishParts()
    }
  }

  /// The size and the digest of the image, all of which is sent.
  var facts: (size: UInt64, digest: ImageDigest)? {
    firstDigest.map {
      let parts = ImageDigest.Parts(first: firstSize, others: UInt64(partSize))
      return (length, ImageDigest(ofParts: [$0] + digests, parts))
    }
  }

  // MARK: The end

  /// Lets the object appear.
  ///
  /// - Parameters:
  ///   - prepare: what comes before; a signal does not cut it off.
  ///   - undo: called if the object does not appear, for sure.
  func complete(after prepare: () throws -> Void, undo: () -> Void) throws -> UploadedObject {
    let object = try use {
      do {
        try prepare()
        let object = try upload.complete()
        monitor.withLock { isComplete = true }
        return object
      } catch let error as StoreError where error.code == .unproved {
        if let left = upload.abort() { options.tell(left) }
        monitor.withLock { isComplete = true }
        throw error
      } catch {
        undo()
        throw error
      }
    }
    end()
    return object
  }

  /// Waits for what goes on after the object has appeared.
  func finish() { upload.finish() }

  /// Leaves nothing in the bucket. After a signal, this ends the program.
  func giveUp() {
    abort()
    end()
  }

  private func abort() {
    begin()
    defer { leave() }
    guard !monitor.withLock({ isComplete }) else { return }
    let left = upload.abort()
    if let left { options.tell(left) }
    monitor.withLock {
      isOver = true
      if left != nil { hasLeftovers = true }
    }
  }

  private func end() {
    monitor.withLock {
      isOver = true
      monitor.broadcast(Self.ended)
    }
    watcher?.join()
  }

  /// Waits for a signal for a moment.
  ///
  /// - Returns: whether the upload has ended.
  private func waits() -> Bool {
    let isOver = monitor.withLock {
      if !self.isOver { monitor.wait(on: Self.ended, atMost: 100) }
      return self.isOver
    }
    guard Interruption.isRequested else { return isOver }
    abort()
    let (isComplete, isUndone) = monitor.withLock { (self.isComplete, !hasLeftovers) }
    if !isComplete { options.wasInterrupted(isUndone) }
    return true
  }

  // MARK: One at a time

  private func use<R>(_ body: () throws -> R) throws -> R {
    begin()
    defer { leave() }
    do {
      if monitor.withLock({ isOver }) {
        throw StoreError(.unreachable, "the program is being stopped")
      }
      return try body()
    } catch let error as StoreError { throw UploadError(location.url, error) }
  }

  private func begin() {
    monitor.withLock {
      while isBusy { monitor.wait(on: Self.free) }
      isBusy = true
    }
  }

  private func leave() {
    monitor.withLock {
      isBusy = false
      monitor.signal(Self.free)
    }
  }
}

/// The first part of an image, for a request.
private final class FirstPartSource: BodySource {
  private let part: FirstPart

  init(_ part: FirstPart) { self.part = part }

  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
    try part.read(buffer, at: offset)
  }

  func digest() throws(SystemError) -> SHA256.Digest {
    var hash = SHA256()
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    defer { piece.deallocate() }
    var offset: UInt64 = 0
    while offset < part.byteCount {
      let next = UnsafeMutableRawBufferPointer(
        rebasing: piece[..<Int(min(UInt64(piece.count), part.byteCount - offset))])
      try part.read(next, at: offset)
      hash.update(UnsafeRawBufferPointer(next))
      offset += UInt64(next.count)
    }
    return hash.finish()
  }
}
