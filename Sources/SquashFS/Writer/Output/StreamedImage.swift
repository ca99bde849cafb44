import Posix

/// An image whose bytes go out in parts while it is made, and are not there to be read back.
///
/// It consists of an opening (the header; with the layout `front` the leading tables too), the data
/// of the access order, the other data, and further tables. Only the other data are in their final
/// order from the start. They go out, except for the first ones: these complete the first part,
/// which is sent last.
final class StreamedImage: ImageOutput {
  private let sink: any ImagePartSink
  private let scratch: HostPath
  /// Whether any file may be taken back, not only a duplicate.
  let mayLoseFiles: Bool
  private(set) var position: UInt64 = 0
  var file: LocalImage? { nil }

  private var skipped = 0
  private let opening: SpilledBytes
  /// The data of the access order, once they come.
  private var ranked: SpilledBytes?
  private var isRanked = false
  private var rankedStart: UInt64 = 0
  /// The first bytes of the other data.
  private let kept: SpilledBytes
  /// The current part.
  private var part: [UInt8] = []
  private var nextPart = 2

  /// The bytes from here on may be taken back.
  private var heldStart: UInt64?
  private let held: SpilledBytes
  /// Whether bytes that are away should have been taken back.
  private var hasLostFile = false

  /// How much to keep of anything in memory, before it needs a file or cannot wait.
  let bufferSize: Int

  /// - Parameters:
  ///   - sink: receives the parts.
  ///   - scratch: any file in the folder for temporary files.
  ///   - mayLoseFiles: whether the caller may take files back and go on.
  init(_ sink: any ImagePartSink, scratch: HostPath, mayLoseFiles: Bool) {
    self.sink = sink
    self.scratch = scratch
    self.mayLoseFiles = mayLoseFiles
    bufferSize = min(sink.partSize, 8 << 20)
    opening = SpilledBytes(inMemory: bufferSize, beside: scratch)
    held = SpilledBytes(inMemory: bufferSize, beside: scratch)
    kept = SpilledBytes(inMemory: bufferSize, beside: scratch)
  }

  func skip(_ count: Int) {
    skipped += count
    position += UInt64(count)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard !hasLostFile else { throw ImageError.cannotTakeBack }
    position += UInt64(bytes.count)
    if let ranked, isRanked {
      try ranked.append(bytes)
      try checkFirstPart()
    } else if heldStart != nil {
      try held.append(bytes)
    } else {
      try send(bytes)
    }
  }

  private func send(_ bytes: UnsafeRawBufferPointer) throws {
    let room = sink.partSize - skipped - Int(kept.count)
    try kept.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(max(0, room))))
    var rest = bytes.dropFirst(max(0, room))
    while !rest.isEmpty {
      if part.isEmpty { part.reserveCapacity(sink.partSize) }
      let next = rest.prefix(sink.partSize - part.count)
      part.append(contentsOf: next)
      rest = rest.dropFirst(next.count)
      if part.count == sink.partSize { try sendPart() }
    }
  }

  private func sendPart() throws {
    let full = part
    part = []
    try sink.send(nextPart, full)
    nextPart += 1
  }

  // MARK: Bytes that may be taken back

  /// Keeps what is appended from now on, until `release` or `rewind` to this position.
  func hold() {
    if !isRanked { heldStart = position }
  }

  /// Sends what was kept.
  func release() throws {
    guard heldStart != nil else { return }
    heldStart = nil
    try held.forEachPiece { try send($0) }
    held.truncate(to: 0)
  }

  func rewind(to position: UInt64) {
    if let ranked, isRanked {
      ranked.truncate(to: position - rankedStart)
    } else if position == heldStart {
      heldStart = nil
      held.truncate(to: 0)
    } else if position != self.position {
      hasLostFile = true
    }
    self.position = position
  }

  // MARK: The first part

  func beginRanked() {
    ranked = SpilledBytes(inMemory: bufferSize, beside: scratch)
    rankedStart = position
    isRanked = true
  }

  func place(_ placement: DataPlacement) throws {
    isRanked = false
    position = placement.end
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    try opening.write(bytes, at: offset)
    try checkFirstPart()
  }

  private func checkFirstPart() throws(ImageError) {
    guard opening.count + (ranked?.count ?? 0) + kept.count <= sink.largestPart else {
      throw .openingTooLarge(most: sink.largestPart)
    }
  }

  func finish(paddingTo unit: UInt64) throws {
    try append(zeros: Int((unit - position % unit) % unit))
    if !part.isEmpty { try sendPart() }
    try sink.send(first: FirstPart([opening, ranked, kept].compactMap { $0 }))
  }
}
