/// An image under construction: bytes are appended; what the header has is known last.
protocol ImageOutput: AnyObject {
  /// The position of the next byte. Until `place` it is a position among the data as written.
  var position: UInt64 { get }

  /// The file, if bytes can be read back from it; `nil` if they are away.
  var file: LocalImage? { get }

  /// Skips bytes at the start, to be overwritten later.
  func skip(_ count: Int)

  /// Appends bytes.
  func append(_ bytes: UnsafeRawBufferPointer) throws

  /// Continues appending at an earlier position.
  func rewind(to position: UInt64)

  /// What follows belongs before all other data.
  func beginRanked()

  /// Puts the data where they belong. What is appended from now on follows them.
  func place(_ placement: DataPlacement) throws

  /// Overwrites bytes before the data.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws

  /// Ends the image with zeros up to a multiple of `unit`. Nothing may be written after that.
  func finish(paddingTo unit: UInt64) throws
}

extension ImageOutput {
  /// Fills a range before the data, of at most a few KiB, with zeros.
  func clear(_ range: Range<UInt64>) throws {
    let zeros = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
    try zeros.withUnsafeBytes { try write($0, at: range.lowerBound) }
  }

  /// Appends at most a few KiB of zeros.
  func append(zeros count: Int) throws {
    try [UInt8](repeating: 0, count: count).withUnsafeBytes { try append($0) }
  }
}
