import CLZMA
import CZstd
import SquashFSFormat
import Testing

@testable import SquashFS

/// Which blocks of an old image go into a new one: those with the same content, in a form that this
/// program writes and every kernel reads.
@Suite struct BlockReuseTests {
  private static let blockSize = BlockSize(byteCount: 8192)!
  private static let text = KernelDifferenceTests.text

  /// Offers a block to a worker.
  private func outcome(
    _ stored: [UInt8], isCompressed: Bool = true, for plain: [UInt8] = text, _ codec: CompressorID,
    filter: CodeFilter? = nil, options: CompressorOptions? = nil, fileBytes: Int? = nil
  ) throws -> BlockReuse.Outcome {
    let start = 100
    let file = [UInt8](repeating: 0, count: start) + stored.prefix(fileBytes ?? stored.count)
    let reuse = try BlockReuse(
      BlockReuse.Source(
        input: ImageInput(MemoryBytes(file)), compressor: codec, blockSize: Self.blockSize,
        options: options))
    let output = OldBlockBuffer(Self.blockSize)
    let place = BlockPlace(
      start: UInt64(start),
      stored: StoredBlock(byteCount: stored.count, isCompressed: isCompressed))
    let outcome = plain.withUnsafeBytes {
      reuse.take(place, for: $0, into: output.bytes) { filter }
    }
    if outcome == .same { #expect(Array(output.bytes[..<stored.count]) == stored) }
    return outcome
  }

  @Test(arguments: [Compression.Method.xz, .gzip, .zstd, .lz4])
  func ownBlocksAreTakenOver(method: Compression.Method) throws {
    let compression = try #require(Compression(method))
    let compressor = try compression.makeCompressor(largest: Self.blockSize.byteCount)
    let block = try packed(Self.text, with: compressor)
    let codec = compression.id
    #expect(try outcome(block, codec) == .same)
    var other = Self.text
    other[other.count - 1] ^= 1
    #expect(try outcome(block, for: other, codec) == .different)
    #expect(try outcome(block, for: Self.text.dropLast(), codec) == .different)
    #expect(try outcome(block, codec, fileBytes: block.count - 1) == .unreadable)
    #expect(try outcome(block + [0], codec) != .same)
    #expect(try outcome(Self.text, isCompressed: false, codec) == .same)
    #expect(try outcome(other, isCompressed: false, codec) == .different)
    if method == .xz || method == .gzip {
      var damaged = block
      damaged[block.count / 2] ^= 0x10
      #expect(try outcome(damaged, codec) == .unreadable)
    }
  }

  private func packed(_ content: [UInt8], with compressor: any BlockCompressor) throws -> [UInt8] {
    let buffer = OldBlockBuffer(Self.blockSize)
    let count = try content.withUnsafeBytes {
      try compressor.compress($0, shape: .unknown, into: buffer.bytes)
    }
    return Array(buffer.bytes[..<(try #require(count))])
  }

  /// Other forms of the same content, which Linux reads.
  @Test func otherFormsAreNot() throws {
    #expect(try outcome(KernelDifferenceTests.xz(Self.text), .xz) == .same)
    let forms: [(CompressorID, [UInt8])] = [
      (.xz, try KernelDifferenceTests.xz(Self.text, check: LZMA_CHECK_NONE)),
      (.xz, try KernelDifferenceTests.xz(Self.text, filter: 4)),
      (.xz, try KernelDifferenceTests.xz(Self.text, filter: 7)),
      (.zstd, try zstdWithChecksum(Self.text)),
    ]
    for (codec, block) in forms {
      #expect(try outcome(block, codec) == .different)
    }
    // The filter that the new block is to get.
    #expect(try outcome(forms[1].1, .xz, filter: .x86) == .same)
    #expect(try outcome(forms[2].1, .xz, filter: .x86) == .different)
    #expect(try outcome(KernelDifferenceTests.xz(Self.text), .xz, filter: .x86) == .different)
    // A frame whose last part is empty may end in a page of its own.
    let whole = Array((Self.text + Self.text + Self.text).prefix(Self.blockSize.byteCount))
    let frame = try KernelDifferenceTests.zstd(whole)
    #expect(try outcome(frame, for: whole, .zstd) == .same)
    var parted = frame
    let header = 5 + [1, 2, 4, 8][Int(frame[4] >> 6)]
    parted[header] &= ~1
    #expect(try outcome(parted + [1, 0, 0], for: whole, .zstd) == .different)
  }

  private func zstdWithChecksum(_ content: [UInt8]) throws -> [UInt8] {
    let context = ZSTD_createCCtx()
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    var output = [UInt8](repeating: 0, count: content.count + 100)
    let count = ZSTD_compress2(context, &output, output.count, content, content.count)
    return Array(output[..<count])
  }

  /// Fragment blocks have room for this one.
  private static let readable = "lz4: ends with a copy"

  /// Whatever `verify` calls an error must not come in this way.
  @Test(arguments: KernelDifferenceTests.cases.filter { $0.testDescription != readable })
  func blocksThatLinuxRefusesAreNot(_ example: KernelDifferenceTests.Case) throws {
    let content = example.content ?? Self.text
    let options =
      example.options.isEmpty
      ? nil : CompressorOptions(example.codec, parsing: example.options.span.bytes)
    let block = try example.pack(content)
    #expect(try outcome(block, for: content, example.codec, options: options) != .same)
  }
}
