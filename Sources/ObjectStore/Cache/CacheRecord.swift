import CXXHash

/// The index of a cached object has one of these for each chunk. It says what the chunk's bytes hash
/// to, and whether it means anything itself: a hole in the file, a half of it or a stray write does
/// not.
struct CacheRecord: Equatable {
  /// In bytes. It divides a page, so that a record is written at once.
  static let size = 16
  /// The hash of the chunk's bytes, and that of this hash with the chunk's number.
  private let content: UInt64
  private let check: UInt64

  /// The record of a chunk with these bytes.
  ///
  /// - Parameter seed: that of the file's header.
  init(of bytes: UnsafeRawBufferPointer, chunk: UInt64, seed: UInt64) {
    content = cxxhash_xxh3(bytes.baseAddress, bytes.count, seed)
    check = Self.check(content, chunk, seed)
  }

  /// - Returns: `nil` for bytes that are no record of this chunk.
  init?(reading bytes: UnsafeRawBufferPointer, chunk: UInt64, seed: UInt64) {
    guard bytes.count == Self.size else { return nil }
    content = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    check = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    guard check == Self.check(content, chunk, seed) else { return nil }
  }

  var bytes: [UInt8] {
    withUnsafeBytes(of: (content.littleEndian, check.littleEndian)) { Array($0) }
  }

  private static func check(_ content: UInt64, _ chunk: UInt64, _ seed: UInt64) -> UInt64 {
    withUnsafeBytes(of: (content.littleEndian, chunk.littleEndian)) {
      cxxhash_xxh3($0.baseAddress, $0.count, seed)
    }
  }
}
