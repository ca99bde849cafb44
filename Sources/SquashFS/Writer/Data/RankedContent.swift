import Posix
import TreeModel

/// Receives the contents of files: those with a rank are held back, the others written at once.
final class RankedContent: ContentSink {
  private let data: DataWriter
  private let path: HostPath
  private var held: HeldFiles?
  private var isHolding = false

  /// - Parameter path: of any file in the folder where to keep what is held back.
  init(_ data: DataWriter, path: HostPath) {
    self.data = data
    self.path = path
  }

  func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws {
    isHolding = rank != nil
    guard let rank else { return try data.begin(size: size, old: old) }
    if let size { try data.checkSize(size) }
    let files = try held ?? HeldFiles(beside: path)
    held = files
    files.begin(data.reserve(), rank: rank, old: old)
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    guard isHolding, let held else { return try data.withFreeSpace(body) }
    let count = try held.withFreeSpace(body)
    try data.checkSize(held.size)
    return count
  }

  func addHole(_ count: UInt64) throws {
    guard isHolding, let held else { return try data.addHole(count) }
    try held.addHole(count)
    try data.checkSize(held.size)
  }

  func end() throws -> ContentID {
    guard isHolding, let held else { return try data.end() }
    return held.end()
  }

  func abandon() throws {
    guard isHolding, let held else { return try data.abandon() }
    held.abandon()
    data.unreserve()
  }

  /// Writes the held files.
  ///
  /// - Returns: where they begin in the image file.
  func finish() throws -> UInt64 {
    try data.finish()
    let start = data.store.image.position
    if let held {
      data.store.image.beginRanked()
      try held.write(to: data)
    }
    held = nil
    try data.finish()
    return start
  }
}
