import CBzip2

/// .bz2, with its checksums.
final class Bzip2Decoder: StreamDecoder {
  private let stream = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)

  init() throws(StreamDamage) {
    stream.initialize(to: bz_stream())
    try start()
  }

  deinit {
    BZ2_bzDecompressEnd(stream)
    stream.deallocate()
  }

  private func start() throws(StreamDamage) {
    guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
      throw StreamDamage(reason: "not enough memory")
    }
  }

  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool {
    input.cBytes.withChars { stream.pointee.next_in = $0 }
    stream.pointee.avail_in = UInt32(input.count)
    output.cBytes.withChars { stream.pointee.next_out = $0 }
    stream.pointee.avail_out = UInt32(output.count)
    let status = BZ2_bzDecompress(stream)
    input.keepLast(Int(stream.pointee.avail_in))
    output.keepLast(Int(stream.pointee.avail_out))
    switch status {
    case BZ_OK: return false
    case BZ_STREAM_END:
      BZ2_bzDecompressEnd(stream)
      try start()
      return true
    case BZ_DATA_ERROR: throw StreamDamage(reason: "a checksum or a code is wrong")
    case BZ_DATA_ERROR_MAGIC: throw StreamDamage(reason: "no bzip2 data where expected")
    case BZ_MEM_ERROR: throw StreamDamage(reason: "not enough memory")
    default: throw StreamDamage(reason: "error \(status)")
    }
  }
}

extension UnsafeMutablePointer<UInt8>? {
  /// bzip2 calls bytes `char`.
  fileprivate func withChars(_ body: (UnsafeMutablePointer<CChar>?) -> Void) {
    body(map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: CChar.self) })
  }
}
