internal import CZlib

/// What a .gz stream unpacks to, any number of members one after the other.
///
/// libarchive reads gzip too, but does not compare the checksums: a damaged download would pass.
final class GzipInput: ByteInput {
  private let input: any ByteInput
  private let path: [UInt8]
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  private var isInMember = true
  private var isAtEnd = false
  private(set) var position: Int64 = 0
  /// Called when something that is not gzip follows the last member.
  var reportTrailingGarbage: () -> Void = {}

  /// - Parameters:
  ///   - first: what was read from `input` already.
  init(_ input: any ByteInput, path: [UInt8], first: UnsafeRawBufferPointer) throws {
    self.input = input
    self.path = path
    stream.initialize(to: z_stream())
    // 15 bits of window, and 16 to ask for gzip headers and checksums.
    let status = inflateInit2_(
      stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw SourceError(.unreadable, path: path, "zlib does not start") }
    connect(first)
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    buffer.deallocate()
  }

  func next() throws -> UnsafeRawBufferPointer {
    stream.pointee.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(buffer.count)
    while !isAtEnd && stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0 {
        connect(try input.next())
        if stream.pointee.avail_in == 0 {
          guard !isInMember else {
            // First what there is: the next call comes here again.
            if stream.pointee.avail_out < buffer.count { break }
            throw SourceError(
              .cutOff, path: path, "the gzip stream is cut off",
              hint: "fetch or make the file again")
          }
          isAtEnd = true
          break
        }
      }
      if !isInMember && !startsMember() { break }
      switch inflate(stream, Z_NO_FLUSH) {
      case Z_OK, Z_BUF_ERROR: continue
      case Z_STREAM_END:
        isInMember = false
        inflateReset(stream)
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "unknown error"
        throw SourceError(
          .damaged, path: path,
          "the gzip stream is damaged (\(reason))", hint: "fetch or make the file again")
      }
    }
    let count = buffer.count - Int(stream.pointee.avail_out)
    position += Int64(count)
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  /// Between members: zero bytes are padding (tapes, blocks), anything but a header is garbage.
  private func startsMember() -> Bool {
    while stream.pointee.avail_in > 0 && stream.pointee.next_in.pointee == 0 {
      stream.pointee.next_in += 1
      stream.pointee.avail_in -= 1
    }
    guard stream.pointee.avail_in > 0 else { return true }
    if stream.pointee.next_in.pointee == 0x1f {
      isInMember = true
      return true
    }
    reportTrailingGarbage()
    isAtEnd = true
    return false
  }

  private func connect(_ bytes: UnsafeRawBufferPointer) {
    stream.pointee.next_in = UnsafeMutablePointer<UInt8>(
      mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
  }
}
