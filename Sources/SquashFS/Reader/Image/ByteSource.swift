package import Posix

/// The bytes that hold an image: a file, a disk, an object in a bucket. Any number of threads may
/// read at the same time.
package protocol ByteSource: AnyObject, Sendable {
  /// The number of bytes at the time of opening.
  var length: UInt64 { get }

  /// Fills `buffer` with the bytes from `offset` on; reads less only at the end.
  ///
  /// - Returns: the number of bytes read.
  /// - Throws: `ImageReadError` with the code `unreadable`.
  func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int

  /// The same, for a distant source that may have to wait.
  ///
  /// - Parameter cancellation: ends the waiting, with an error.
  func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, until cancellation: Cancellation?
  ) throws(ImageReadError) -> Int

  /// Whether hints are worth the work to compute them.
  var wantsHints: Bool { get }

  /// Hints that these bytes will be read soon; a distant source may fetch them together.
  func willRead(_ range: Range<UInt64>)

  /// Hints that these bytes will be read in about this order, and little else meanwhile.
  func willRead(inOrder ranges: [Range<UInt64>])

  /// Makes sure that everything read belongs to the same version.
  ///
  /// - Parameter path: if it was opened more than once, where the same file must still be.
  /// - Throws: `ImageReadError` with the code `unreadable`.
  func checkUnchanged(path: [UInt8]?) throws(ImageReadError)
}

extension ByteSource {
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, until cancellation: Cancellation?
  ) throws(ImageReadError) -> Int { try read(buffer, at: offset) }

  package var wantsHints: Bool { false }

  package func willRead(_ range: Range<UInt64>) {}

  package func willRead(inOrder ranges: [Range<UInt64>]) {}
}
