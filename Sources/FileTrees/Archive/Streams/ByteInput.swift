/// A stream of bytes to read an archive from.
package protocol ByteInput: AnyObject {
  /// The next bytes, empty at the end; valid until the next call.
  ///
  /// - Throws: `SourceError` when reading or unpacking fails.
  func next() throws -> UnsafeRawBufferPointer

  /// Where `next` continues, in bytes from the start of the stream.
  var position: Int64 { get }

  /// Whether `seek` works.
  var isSeekable: Bool { get }

  /// Continues reading at `offset` bytes from the start.
  func seek(to offset: Int64) throws

  /// The length in bytes, if known.
  var length: Int64? { get }
}

extension ByteInput {
  package var isSeekable: Bool { false }
  package var length: Int64? { nil }
  package func seek(to offset: Int64) throws { preconditionFailure("not seekable") }
}
