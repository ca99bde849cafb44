import CLZMA

/// The three containers of LZMA: .xz, .lz (lzip) and the old .lzma.
final class LZMADecoder: StreamDecoder {
  enum Container {
    case xz, lzip, lzma
  }

  /// More than xz ever needs (1.5 GiB of dictionary), and as much as zstd. Only the part of a
  /// dictionary that is written takes memory.
  private static let memoryLimit: UInt64 = 2 << 30

  private let stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
  private let container: Container

  init(_ container: Container) throws(StreamDamage) {
    self.container = container
    stream.initialize(to: lzma_stream())
    try start()
  }

  deinit {
    lzma_end(stream)
    stream.deallocate()
  }

  private func start() throws(StreamDamage) {
    let status =
      switch container {
      case .xz: lzma_stream_decoder(stream, Self.memoryLimit, 0)
      case .lzip: lzma_lzip_decoder(stream, Self.memoryLimit, 0)
      case .lzma: lzma_alone_decoder(stream, Self.memoryLimit)
      }
    guard status == LZMA_OK else { throw Self.damage(status) }
  }

  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool {
    stream.pointee.next_in = UnsafePointer(input.cBytes)
    stream.pointee.avail_in = input.count
    stream.pointee.next_out = output.cBytes
    stream.pointee.avail_out = output.count
    let status = lzma_code(stream, LZMA_RUN)
    input.keepLast(stream.pointee.avail_in)
    output.keepLast(stream.pointee.avail_out)
    switch status {
    case LZMA_OK, LZMA_BUF_ERROR: return false
    case LZMA_STREAM_END:
      try start()
      return true
    default: throw Self.damage(status)
    }
  }

  private static func damage(_ status: lzma_ret) -> StreamDamage {
    switch status {
    case LZMA_MEMLIMIT_ERROR: StreamDamage(reason: "its dictionary is larger than 2 GiB")
    case LZMA_MEM_ERROR: StreamDamage(reason: "not enough memory for its dictionary")
    case LZMA_FORMAT_ERROR: StreamDamage(reason: "its header is wrong")
    case LZMA_OPTIONS_ERROR: StreamDamage(reason: "it needs a filter that liblzma does not have")
    case LZMA_DATA_ERROR: StreamDamage(reason: "a checksum or a code is wrong")
    default: StreamDamage(reason: "error \(status.rawValue)")
    }
  }
}
