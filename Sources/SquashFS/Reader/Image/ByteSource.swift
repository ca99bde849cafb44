/// Bytes that an image is read from: a file, a disk, an object in a bucket. Any number of threads may
/// read at the same time.
package protocol ByteSource: AnyObject, Sendable {
  /// The number of bytes when it was opened.
  var length: UInt64 { get }

  /// Fills `buffer` with the bytes from `offset` on; less only at the end.
  ///
  /// - Returns: the number of bytes read.
  /// - Throws: `ImageReadError` with the code `unreadable`.
  func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int

  /// A hint that these bytes will be read soon, which a source far away may fetch together.
  func willRead(_ range: Range<UInt64>)

  /// Makes sure that all that was read is of one and the same version.
  ///
  /// - Parameter path: where it was opened more than once, the file of that path must be the same.
  /// - Throws: `ImageReadError` with the code `unreadable`.
  func checkUnchanged(path: [UInt8]?) throws(ImageReadError)
}

extension ByteSource {
  package func willRead(_ range: Range<UInt64>) {}
}
