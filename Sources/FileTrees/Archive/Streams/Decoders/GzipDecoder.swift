import CZlib

/// .gz, with its checksums.
final class GzipDecoder: StreamDecoder {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init() throws(StreamDamage) {
    stream.initialize(to: z_stream())
    // 15 bits of window, and 16 to ask for gzip headers and checksums.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw StreamDamage(reason: "not enough memory") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool {
    stream.pointee.next_in = input.cBytes
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = output.cBytes
    stream.pointee.avail_out = UInt32(output.count)
    let status = inflate(stream, Z_NO_FLUSH)
    input.keepLast(Int(stream.pointee.avail_in))
    output.keepLast(Int(stream.pointee.avail_out))
    switch status {
    case Z_OK, Z_BUF_ERROR: return false
    case Z_STREAM_END:
      inflateReset(stream)
      return true
    default:
      throw StreamDamage(
        reason: stream.pointee.msg.map { String(cString: $0) } ?? "unknown error")
    }
  }
}
