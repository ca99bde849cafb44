import CLZ4
import CLZMA
import CLZO
import CZlib
import CZstd
import SquashFSFormat

/// Numbers derived from the fuzzer's input.
struct Chance {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  init(_ seed: UnsafeRawBufferPointer) {
    for byte in seed {
      state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
      _ = next()
    }
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func number(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
  /// Returns true once in `count` times on average.
  mutating func once(in count: Int) -> Bool { number(below: count) == 0 }

  /// Text, numbers, runs, noise, and repeated parts.
  mutating func content(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      switch number(below: 6) {
      case 0: bytes += [UInt8](repeating: byte(), count: 1 + number(below: 300))
      case 1: for _ in 0..<1 + number(below: 100) { bytes.append(byte()) }
      case 2: for _ in 0..<1 + number(below: 60) { bytes += "\(number(below: 4000)) ".utf8 }
      case 3:
        let words = ["autosquash ", "image", " block\n", "of ", "a ", "\tfile", "bytes, "]
        for _ in 0..<1 + number(below: 60) { bytes += words[number(below: words.count)].utf8 }
      default:
        guard !bytes.isEmpty else { continue }
        let start = number(below: bytes.count)
        bytes += bytes[start..<min(bytes.count, start + 1 + number(below: 200))]
      }
    }
    return Array(bytes[..<count])
  }
}

/// A block as a library writes it, with any of its options.
struct PackedBlock {
  var bytes: [UInt8]

  /// - Returns: `nil` if the library rejects the options, or cannot compress the content.
  init?(_ content: [UInt8], _ codec: CompressorID, blockSize: Int, _ chance: inout Chance) {
    // Room for a stream's overhead around a block that hardly shrinks.
    var output = [UInt8](repeating: 0, count: content.count + 4096)
    let count: Int? =
      switch codec {
      case .gzip: Self.zlib(content, &output, &chance)
      case .xz: Self.xz(content, &output, blockSize, &chance)
      case .zstd: Self.zstd(content, &output, &chance)
      case .lz4: Self.lz4(content, &output, &chance)
      case .lzo: Self.lzo(content, &output)
      case .lzma: nil
      }
    guard let count, count > 0, count <= blockSize else { return nil }
    bytes = Array(output[..<count])
  }

  private static func zlib(
    _ content: [UInt8], _ output: inout [UInt8], _ chance: inout Chance
  ) -> Int? {
    var content = content
    var stream = z_stream()
    let strategies = [
      Z_DEFAULT_STRATEGY, Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED,
    ]
    guard
      deflateInit2_(
        &stream, Int32(chance.number(below: 10)), Z_DEFLATED,
        Int32(chance.once(in: 3) ? 9 + chance.number(below: 7) : 15),
        Int32(1 + chance.number(below: 9)), strategies[chance.number(below: strategies.count)],
        ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    if chance.once(in: 20) { deflateSetDictionary(&stream, content, UInt32(content.count / 2)) }
    let (inputs, room) = (content.count, output.count)
    return content.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(inputs)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(room)
        return deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : nil
      }
    }
  }

  /// The filters for machine code by their numbers, 4 to 11.
  private static let filters = 4...11

  private static func xz(
    _ content: [UInt8], _ output: inout [UInt8], _ blockSize: Int, _ chance: inout Chance
  ) -> Int? {
    var options = lzma_options_lzma()
    guard lzma_lzma_preset(&options, UInt32(chance.number(below: 7))) == 0 else { return nil }
    options.dict_size = UInt32(max(4096, blockSize << (chance.once(in: 8) ? 1 : 0)))
    options.lc = UInt32(chance.number(below: 5))
    options.lp = UInt32(chance.number(below: 5 - Int(options.lc)))
    options.pb = UInt32(chance.number(below: 5))
    let checks = [LZMA_CHECK_CRC32, LZMA_CHECK_CRC32, LZMA_CHECK_NONE, LZMA_CHECK_CRC64]
    let check = checks[chance.once(in: 4) ? chance.number(below: checks.count) : 0]
    var delta = lzma_options_delta(
      type: LZMA_DELTA_TYPE_BYTE, dist: 1, reserved_int1: 0, reserved_int2: 0, reserved_int3: 0,
      reserved_int4: 0, reserved_ptr1: nil, reserved_ptr2: nil)
    return withUnsafeMutablePointer(to: &options) { options in
      withUnsafeMutablePointer(to: &delta) { delta in
        var chain: [lzma_filter] = []
        switch chance.number(below: 12) {
        case 0:
          let number = Self.filters.lowerBound + chance.number(below: Self.filters.count)
          chain.append(lzma_filter(id: lzma_vli(number), options: nil))
        case 1: chain.append(lzma_filter(id: 3, options: delta))
        default: break
        }
        chain.append(lzma_filter(id: clzma_filter_lzma2, options: options))
        chain.append(lzma_filter(id: clzma_vli_unknown, options: nil))
        if chance.once(in: 8) { return xzBlocks(content, &output, chain, check, &chance) }
        var written = 0
        let status = lzma_stream_buffer_encode(
          &chain, check, nil, content, content.count, &output, &written, output.count)
        return status == LZMA_OK ? written : nil
      }
    }
  }

  /// A stream of several blocks.
  private static func xzBlocks(
    _ content: [UInt8], _ output: inout [UInt8], _ chain: [lzma_filter], _ check: lzma_check,
    _ chance: inout Chance
  ) -> Int? {
    var stream = lzma_stream()
    var chain = chain
    guard lzma_stream_encoder(&stream, &chain, check) == LZMA_OK else { return nil }
    defer { lzma_end(&stream) }
    let first = chance.number(below: content.count + 1)
    let room = output.count
    return content.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = first
        stream.next_out = output.baseAddress
        stream.avail_out = room
        guard lzma_code(&stream, LZMA_FULL_FLUSH) == LZMA_STREAM_END else { return nil }
        stream.avail_in = input.count - first
        return lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END ? Int(stream.total_out) : nil
      }
    }
  }

  private static func zstd(
    _ content: [UInt8], _ output: inout [UInt8], _ chance: inout Chance
  ) -> Int? {
    guard let context = ZSTD_createCCtx() else { return nil }
    defer { ZSTD_freeCCtx(context) }
    func set(_ parameter: ZSTD_cParameter, _ value: Int) {
      ZSTD_CCtx_setParameter(context, parameter, Int32(value))
    }
    set(ZSTD_c_compressionLevel, chance.number(below: 26) - 5)
    if chance.once(in: 5) { set(ZSTD_c_checksumFlag, 1) }
    if chance.once(in: 4) { set(ZSTD_c_contentSizeFlag, 0) }
    if chance.once(in: 4) { set(ZSTD_c_windowLog, 10 + chance.number(below: 12)) }
    guard chance.once(in: 4) else {
      let count = ZSTD_compress2(context, &output, output.count, content, content.count)
      return ZSTD_isError(count) == 0 ? count : nil
    }
    // Written as a stream, which gets a block at each flush, and can end with an empty one.
    let room = output.count
    return content.withUnsafeBytes { input in
      output.withUnsafeMutableBytes { output in
        var to = ZSTD_outBuffer(dst: output.baseAddress, size: room, pos: 0)
        var from = ZSTD_inBuffer(src: input.baseAddress, size: 0, pos: 0)
        while from.size < input.count {
          from.size = min(input.count, from.size + 1 + chance.number(below: input.count))
          guard ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush) == 0 else { return nil }
        }
        return ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) == 0 ? to.pos : nil
      }
    }
  }

  private static func lz4(
    _ content: [UInt8], _ output: inout [UInt8], _ chance: inout Chance
  ) -> Int? {
    output.withUnsafeMutableBytes { output in
      content.withUnsafeBytes { input in
        let from = input.baseAddress!.assumingMemoryBound(to: CChar.self)
        let to = output.baseAddress!.assumingMemoryBound(to: CChar.self)
        let count =
          chance.once(in: 2)
          ? LZ4_compress_default(from, to, Int32(input.count), Int32(output.count))
          : LZ4_compress_HC(
            from, to, Int32(input.count), Int32(output.count), Int32(3 + chance.number(below: 10)))
        return count > 0 ? Int(count) : nil
      }
    }
  }

  private static func lzo(_ content: [UInt8], _ output: inout [UInt8]) -> Int? {
    var count = lzo_uint(0)
    var memory = [UInt64](repeating: 0, count: 16384)
    let status = lzo1x_1_compress(
      content, lzo_uint(content.count), &output, &count, &memory)
    return status == LZO_E_OK ? Int(count) : nil
  }

  /// The same block with a change.
  func changed(_ chance: inout Chance) -> [UInt8] {
    var bytes = bytes
    func place() -> Int {
      // More often at the headers, and at the ends of streams and bits.
      switch chance.number(below: 4) {
      case 0: chance.number(below: min(bytes.count, 24))
      case 1: bytes.count - 1 - chance.number(below: min(bytes.count, 24))
      default: chance.number(below: bytes.count)
      }
    }
    switch chance.number(below: 20) {
    case 0: break
    case 1: bytes[place()] = 0
    case 2: bytes[place()] = 255
    case 3: bytes[place()] = chance.byte()
    case 4: bytes.removeLast(1 + chance.number(below: min(8, bytes.count)))
    case 5:
      bytes += (0...chance.number(below: 8)).map { _ in chance.once(in: 2) ? 0 : chance.byte() }
    case 6: bytes += self.bytes
    case 7: bytes.remove(at: place())
    case 8: bytes.insert(chance.byte(), at: place())
    case 9: bytes = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7] + bytes  // a skippable frame
    case 10:
      let index = place()
      bytes[index] &+= 1
    default:
      bytes[place()] ^= 1 << UInt8(chance.number(below: 8))
    }
    return bytes
  }
}
