internal import CLZMA

/// `.xz` streams, one a block, with the CRC32 that the kernel's decoder asks for.
final class XZCodec: BlockCodec {
  private let options: UnsafeMutablePointer<lzma_options_lzma>
  private let filters: UnsafeMutablePointer<lzma_filter>
  private let allocator: UnsafeMutablePointer<lzma_allocator>
  private let arena = Arena()

  /// - Parameters:
  ///   - level: the preset, 0 to 9.
  ///   - dictionarySize: in bytes; at most the image's block size, or the kernel refuses.
  init(level: Int, dictionarySize: Int) throws(CodecError) {
    options = .allocate(capacity: 1)
    options.initialize(to: lzma_options_lzma())
    filters = .allocate(capacity: 2)
    filters[0] = lzma_filter(id: clzma_filter_lzma2, options: options)
    filters[1] = lzma_filter(id: clzma_vli_unknown, options: nil)
    allocator = .allocate(capacity: 1)
    allocator.initialize(to: arena.makeAllocator())
    // From 6 on presets differ in their dictionaries only, which a block bounds here.
    let preset = level == 9 ? 9 | clzma_preset_extreme : UInt32(level)
    guard lzma_lzma_preset(options, preset) == 0 else {
      throw CodecError(codec: "xz", code: Int(LZMA_OPTIONS_ERROR.rawValue))
    }
    options.pointee.dict_size = UInt32(dictionarySize)
    // Pays for itself: 5 to 8 % faster, and the settings by shape save more than it costs.
    if level == 6 { options.pointee.nice_len = 60 }
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
    // How many bits of the previous byte and of the position to look at. The kernel's decoder
    // takes these from the block itself.
    switch shape {
    case .words: (options.pointee.lc, options.pointee.lp, options.pointee.pb) = (0, 2, 2)
    case .bytes, .incompressible:
      (options.pointee.lc, options.pointee.lp, options.pointee.pb) = (3, 0, 0)
    }
    var written = 0
    let status = lzma_stream_buffer_encode(
      filters, LZMA_CHECK_CRC32, allocator,
      input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
      output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, output.count)
    switch status {
    case LZMA_OK: return written
    case LZMA_BUF_ERROR: return nil
    default: throw CodecError(codec: "xz", code: Int(status.rawValue))
    }
  }

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int {
    var limit: UInt64 = 64 << 20
    var read = 0
    var written = 0
    let status = lzma_stream_buffer_decode(
      &limit, 0, allocator,
      input.baseAddress?.assumingMemoryBound(to: UInt8.self), &read, input.count,
      output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, output.count)
    guard status == LZMA_OK else { throw CodecError(codec: "xz", code: Int(status.rawValue)) }
    return written
  }

  /// liblzma's working memory, kept between blocks.
  ///
  /// Each block makes liblzma ask for the same few regions (2.7 MB at preset 6) and give them
  /// back; handing out the ones given back saves page faults worth 3 to 5 % of the time. Regions
  /// of sizes that are not asked for again are freed when there are too many.
  private final class Arena {
    private struct Region {
      var base: UnsafeMutableRawPointer
      var size: Int
      var isUsed: Bool
    }
    private var regions: [Region] = []
    private static let mostRegions = 24

    init() { regions.reserveCapacity(Self.mostRegions + 1) }
    deinit { for region in regions { region.base.deallocate() } }

    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
      for index in regions.indices where !regions[index].isUsed && regions[index].size == size {
        regions[index].isUsed = true
        return regions[index].base
      }
      if regions.count >= Self.mostRegions, let spare = regions.firstIndex(where: { !$0.isUsed }) {
        regions.remove(at: spare).base.deallocate()
      }
      let base = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 16)
      regions.append(Region(base: base, size: size, isUsed: true))
      return base
    }

    func free(_ pointer: UnsafeMutableRawPointer) {
      for index in regions.indices where regions[index].base == pointer {
        regions[index].isUsed = false
        return
      }
    }

    /// A C allocator that borrows this arena and must not outlive it.
    func makeAllocator() -> lzma_allocator {
      lzma_allocator(
        alloc: { arena, count, size in
          let (total, overflow) = count.multipliedReportingOverflow(by: size)
          guard !overflow else { return nil }
          return Unmanaged<Arena>.fromOpaque(arena!).takeUnretainedValue().allocate(total)
        },
        free: { arena, pointer in
          guard let pointer else { return }
          Unmanaged<Arena>.fromOpaque(arena!).takeUnretainedValue().free(pointer)
        },
        opaque: Unmanaged.passUnretained(self).toOpaque())
    }
  }
}
