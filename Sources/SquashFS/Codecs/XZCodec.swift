import CDeflate
import CLZMA
import SquashFSFormat

/// `.xz` streams, one per block, with the CRC32 that the kernel's decoder requires.
final class XZCompressor: BlockCompressor {
  private let level: Int
  private let options: UnsafeMutablePointer<lzma_options_lzma>
  /// A filter for machine code, LZMA2 and the end mark; LZMA2 and the end mark alone from 1 on.
  private let filters: UnsafeMutablePointer<lzma_filter>
  private let allocator: UnsafeMutablePointer<lzma_allocator>
  private let arena = LZMAArena()

  /// - Parameters:
  ///   - level: the preset, 0 to 9; `XZSettings` refines 6 and 8.
  ///   - dictionarySize: in bytes; at most the image's block size, or the kernel refuses.
  init(level: Int, dictionarySize: Int) throws(CodecError) {
    self.level = level
    options = .allocate(capacity: 1)
    options.initialize(to: lzma_options_lzma())
    filters = .allocate(capacity: 3)
    filters[0] = lzma_filter(id: 0, options: nil)
    filters[1] = lzma_filter(id: clzma_filter_lzma2, options: options)
    filters[2] = lzma_filter(id: clzma_vli_unknown, options: nil)
    allocator = .allocate(capacity: 1)
    allocator.initialize(to: arena.makeAllocator())
    // From 6 on, presets differ only in their dictionaries, which the block size limits here.
    let preset = level == 9 ? 9 | clzma_preset_extreme : UInt32(level)
    guard lzma_lzma_preset(options, preset) == 0 else {
      throw CodecError(codec: "xz", code: Int(LZMA_OPTIONS_ERROR.rawValue))
    }
    options.pointee.dict_size = UInt32(dictionarySize)
  }

  deinit {
    allocator.deallocate()
    filters.deallocate()
    options.deallocate()
  }

  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    XZSettings(for: shape, level: level).apply(to: &options.pointee)
    if let filter = shape.filter { filters[0].id = filter.id }
    var written = 0
    let status = lzma_stream_buffer_encode(
      shape.filter == nil ? filters + 1 : filters, LZMA_CHECK_CRC32, allocator,
      input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
      output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, output.count)
    switch status {
    case LZMA_OK: return written
    case LZMA_BUF_ERROR: return nil
    default: throw CodecError(codec: "xz", code: Int(status.rawValue))
    }
  }
}

/// `.xz` streams; verifies whatever check they have.
final class XZDecompressor: BlockDecompressor {
  private let allocator: UnsafeMutablePointer<lzma_allocator>
  private let arena = LZMAArena()

  init() {
    allocator = .allocate(capacity: 1)
    allocator.initialize(to: arena.makeAllocator())
  }

  deinit { allocator.deallocate() }

  /// A block of 1 MiB needs a little more than that; a damaged one may ask for gigabytes.
  private static let memoryLimit: UInt64 = 64 << 20

  /// The parts before and after the blocks of a stream: The .xz File Format, section 2.1.
  private static let headerSize = 12
  private static let footerSize = 12

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    // libdeflate's CRC32 takes a small part of the time that liblzma's does, 2 to 3 % of the whole.
    guard input.count > Self.headerSize, input[7] & 0xf == UInt8(LZMA_CHECK_CRC32.rawValue) else {
      return try decode(input, into: output, flags: 0)
    }
    let block = try decode(input, into: output, flags: clzma_ignore_check)
    guard let stored = Self.onlyCheck(UnsafeRawBufferPointer(rebasing: input[..<block.consumed]))
    else { return try decode(input, into: output, flags: 0) }
    let content = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard libdeflate_crc32(0, content, block.count) == stored else {
      throw CodecError(codec: "xz", code: Int(LZMA_DATA_ERROR.rawValue))
    }
    return block
  }

  /// The CRC32 of the content of a single-block stream: it comes before the index, whose size the
  /// footer gives. (Sections 2.1.2, 3.4 and 4.)
  ///
  /// - Parameter stream: one that liblzma has unpacked.
  /// - Returns: `nil` for a stream with another number of blocks.
  private static func onlyCheck(_ stream: UnsafeRawBufferPointer) -> UInt32? {
    let footer = stream.count - footerSize
    guard footer >= headerSize else { return nil }
    let indexSize = (Int(stream.little(footer + 4, as: UInt32.self)) + 1) * 4
    let index = footer - indexSize
    // An indicator of 0, then the number of blocks.
    guard index >= headerSize + 4, stream[index] == 0, stream[index + 1] == 1 else { return nil }
    return stream.little(index - 4)
  }

  private func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, flags: UInt32
  ) throws(CodecError) -> UnpackedBlock {
    var limit = Self.memoryLimit
    var read = 0
    var written = 0
    let status = lzma_stream_buffer_decode(
      &limit, flags, allocator,
      input.baseAddress?.assumingMemoryBound(to: UInt8.self), &read, input.count,
      output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, output.count)
    guard status == LZMA_OK else {
      // Headers have a checksum: damage does not explain an unknown filter.
      throw CodecError(
        codec: "xz", code: Int(status.rawValue), needsNewerLibrary: status == LZMA_OPTIONS_ERROR)
    }
    return UnpackedBlock(count: written, consumed: read)
  }
}
