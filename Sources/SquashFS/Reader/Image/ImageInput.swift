import Posix
import Synchronization

/// The bytes of an image: those of a source from an offset on. Any number of threads may read.
package final class ImageInput: Sendable {
  /// The start of the image in the source.
  package let base: UInt64
  /// The number of bytes from `base` to the end of the source.
  package let length: UInt64
  private let source: any ByteSource
  /// What all threads together have read.
  let work: SharedWork
  /// What ends the waiting of the one who reads.
  private let cancellation: Cancellation?

  /// - Parameter base: the start of the image in the source, in bytes.
  /// - Throws: `ImageReadError` with the code `notAnImage` if it lies beyond the end.
  package init(_ source: any ByteSource, base: UInt64 = 0) throws(ImageReadError) {
    guard base <= source.length else {
      throw ImageReadError(.notAnImage, "the file ends before byte \(base)")
    }
    self.source = source
    self.base = base
    length = source.length - base
    work = SharedWork()
    cancellation = nil
  }

  /// The same bytes for a reader of its own, who waits for them no longer than wanted.
  init(_ other: ImageInput, until cancellation: Cancellation?) {
    source = other.source
    base = other.base
    length = other.length
    work = other.work
    self.cancellation = cancellation
  }

  /// - Throws: `ImageReadError` with the code `unreadable` if nobody wants what is read any longer.
  func checkCancellation() throws(ImageReadError) {
    guard let cancellation, cancellation.isRequested else { return }
    throw ImageReadError(.unreadable, "reading was interrupted")
  }

  /// Opens a file or a block device.
  ///
  /// - Throws: `ImageReadError` with the code `unreadable`, or `notAnImage` if `base` lies beyond
  ///   the end.
  package convenience init(path: [UInt8], base: UInt64 = 0) throws(ImageReadError) {
    try self.init(FileBytes(path: path), base: base)
  }

  /// Makes sure that everything read belongs to the same image.
  ///
  /// - Parameter path: if it was opened more than once, where the same file must still be.
  /// - Throws: `ImageReadError` with the code `unreadable` if something wrote to the file, or
  ///   replaced it.
  package func checkUnchanged(path: [UInt8]? = nil) throws(ImageReadError) {
    try source.checkUnchanged(path: path)
  }

  /// Whether hints are worth the work to compute them.
  package var wantsHints: Bool { source.wantsHints }

  /// Hints that these bytes, counted from the image's start, will be read soon.
  package func willRead(_ range: Range<UInt64>) {
    let range = range.clamped(to: 0..<length)
    if !range.isEmpty { source.willRead(base + range.lowerBound..<base + range.upperBound) }
  }

  /// Hints that these bytes, counted from the image's start, will be read in about this order, and
  /// little else meanwhile.
  package func willRead(inOrder ranges: [Range<UInt64>]) {
    source.willRead(
      inOrder: ranges.map {
        let range = $0.clamped(to: 0..<length)
        return base + range.lowerBound..<base + range.upperBound
      })
  }

  /// Fills `buffer` with the bytes from `offset`, counted from the image's start.
  ///
  /// - Throws: `ImageReadError`, `damaged` if the file ends before.
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) {
    let count = try readSome(buffer, at: offset)
    guard count == buffer.count else {
      throw .damaged(at: base + min(offset, length), "the file ends too early")
    }
  }

  /// The little-endian number at `offset`.
  func number<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: UInt64, as type: T.Type = T.self
  ) throws(ImageReadError) -> T {
    var value: T = 0
    try withUnsafeMutableBytes(of: &value) { (bytes) throws(ImageReadError) in
      try read(bytes, at: offset)
    }
    return T(littleEndian: value)
  }

  /// Fills a buffer; reads less only at the end of the source.
  ///
  /// - Returns: the number of bytes read.
  func readSome(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int {
    guard offset < length else { return 0 }
    let count = try source.read(buffer, at: base + offset, until: cancellation)
    work.bytesRead.add(UInt64(count), ordering: .relaxed)
    return count
  }
}
