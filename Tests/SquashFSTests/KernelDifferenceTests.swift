import CLZMA
import CLZO
import CZlib
import CZstd
import Foundation
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Blocks that the libraries unpack and Linux does not, anywhere in an image: the kernel decides,
/// and `verify` must not call intact what it refuses.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) struct KernelDifferenceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var codec: CompressorID
    var options: [UInt8] = []
    /// The message of `verify`.
    var message: String
    /// The content of the file, if only some will do.
    var content: [UInt8]?
    /// Makes the stored block.
    var pack: @Sendable ([UInt8]) throws -> [UInt8]
  }

  /// Compressible, with parts repeated in several ways.
  static let text = Array((1...400).map { "\($0 * 7919 % 1009) of \($0 / 3)\n" }.joined().utf8)
  private static let zeros = [UInt8](repeating: 0, count: 4000)

  static let cases: [Case] = [
    Case(
      testDescription: "zstd: reserved bit 0", codec: .zstd, message: "has a reserved bit set"
    ) {
      try zstdModes(of: $0) { $0 |= 1 }
    },
    Case(
      testDescription: "zstd: reserved bit 1", codec: .zstd, message: "has a reserved bit set"
    ) {
      try zstdModes(of: $0) { $0 |= 2 }
    },
    Case(
      testDescription: "zstd: offset 0", codec: .zstd,
      message: "copies from its own output position",
      content: zeros
    ) { _ in
      // 1,000 zeros; then no literals and one sequence, with tables of one symbol each: a copy of
      // 2,051 and 949 bytes from one byte less far than the last, which was 1 at the start.
      zstdFrame(of: 4000, [0x42, 0x1f, 0, 0])
        + [0x45, 0, 0] + [0, 1, 0x54, 0, 1, 47, 0xb5, 0x1b]
    },
    Case(
      testDescription: "zstd: sequences with bits left or missing", codec: .zstd,
      message: "sequences that end in the wrong place", content: text
    ) {
      try zstdFlip(of: $0, "has sequences that end in the wrong place")
    },
    Case(testDescription: "zstd: window", codec: .zstd, message: "a window of 1048576 bytes") {
      // A window of 2 to the 20th, and no content size.
      try zstd($0, ofUnknownSize: true, window: 10 << 3)
    },
    Case(
      testDescription: "zstd: no sequences, but bytes", codec: .zstd,
      message: "bytes after its end",
      content: zeros
    ) {
      // Literals with one value; then a number of sequences in two bytes, and their modes.
      zstdFrame(of: $0.count, [0x3d, 0, 0])
        + [UInt8($0.count << 4 & 0xf0 | 0xd), UInt8($0.count >> 4), 0, 0, 0x80, 0, 0]
    },
    Case(
      testDescription: "zstd: version 0.7", codec: .zstd, message: "magic number of another format",
      content: zeros
    ) {
      let count = $0.count - 256
      return [0x27, 0xb5, 0x2f, 0xfd, 0x60, UInt8(count & 0xff), UInt8(count >> 8)]
        + [0x80, UInt8($0.count >> 8), UInt8($0.count & 0xff), 0, 0xc0, 0, 0]
    },
    Case(
      testDescription: "xz: CRC64", codec: .xz, message: "check number 4"
    ) { try xz($0, check: LZMA_CHECK_CRC64) },
    Case(
      testDescription: "xz: delta filter", codec: .xz, message: "filter number 3"
    ) { try xz($0, filter: 3) },
    Case(
      testDescription: "xz: IA-64 filter", codec: .xz, message: "ia64"
    ) { try xz($0, filter: 6) },
    Case(
      testDescription: "xz: larger dictionary", codec: .xz, message: "a dictionary of 16384 bytes"
    ) { try xz($0, dictionary: 16384) },
    Case(
      testDescription: "xz: options with a dictionary of less than the least", codec: .xz,
      options: [0, 0x10, 0, 0, 0, 0, 0, 0],
      message: "a dictionary of 8192 bytes, but the kernel has 4096"
    ) { try xz($0) },
    Case(
      testDescription: "xz: larger dictionary in the second block", codec: .xz,
      message: "a dictionary of 16384 bytes"
    ) { try xzOfTwoBlocks($0) },
    Case(testDescription: "lzo: end mark", codec: .lzo, message: "lzo end mark") {
      var block = try lzo($0)
      block[block.count - 3] = 0x12
      return block
    },
    Case(
      testDescription: "lzo: end mark that looks right", codec: .lzo, message: "lzo end mark",
      content: Array("abcdefgh".utf8) + [UInt8](repeating: 0x68, count: 133)
    ) { _ in
      // Eight literals, 133 copies of the last, and a mark whose length looks as it should.
      [25] + Array("abcdefgh".utf8) + [0x20, 100, 0, 0] + [0x10, 0x11, 0, 0]
    },
    Case(
      testDescription: "lz4: ends with a copy", codec: .lz4, options: [1, 0, 0, 0, 0, 0, 0, 0],
      message: "its end does not fit", content: zeros
    ) {
      // A literal, copies of it, and four literals where the last five must be.
      [0x1f, 0, 1, 0] + [UInt8](repeating: 255, count: ($0.count - 24) / 255)
        + [UInt8(($0.count - 24) % 255), 0x40, 0, 0, 0, 0]
    },
    Case(
      testDescription: "gzip: larger than its content", codec: .gzip,
      message: "larger compressed than unpacked", content: [1, 2, 3, 4, 5]
    ) { try gzip($0) },
  ]

  /// Fragments have room for a block, whatever they hold.
  private static let dataCases: Set = ["lz4: ends with a copy", "gzip: larger than its content"]
  /// One for each codec, and one that is not in the first bytes.
  private static let metadataCases: Set = [
    "zstd: reserved bit 0", "xz: CRC64", "xz: larger dictionary in the second block",
    "lzo: end mark",
  ]

  @Test(arguments: cases) func inData(_ example: Case) throws {
    var image = Self.image(example)
    let content = example.content ?? Self.text
    let block = try example.pack(content)
    let start = image.addBlock(block)
    let file = image.addFile(
      2, at: start, size: UInt64(content.count), blocks: [UInt32(block.count)])
    try expectRefusal(of: image, file, example)
  }

  @Test(arguments: cases.filter { !dataCases.contains($0.testDescription) }) func inFragments(
    _ example: Case
  ) throws {
    var image = Self.image(example)
    let content = example.content ?? Self.text
    let block = try example.pack(content)
    image.fragments.add(image.addBlock(block), UInt32(block.count), UInt32(0))
    let file = image.addFile(2, at: 0, size: UInt64(content.count), fragment: 0)
    try expectRefusal(of: image, file, example)
  }

  @Test(
    arguments: cases.filter { metadataCases.contains($0.testDescription) },
    [CraftedImage.Table.inodes, .listings, .attributes])
  func inMetadata(_ example: Case, table: CraftedImage.Table) throws {
    var image = Self.image(example)
    image.packs[table] = { (try? example.pack($0)) ?? [] }
    // An attribute of the file, with a value that has repeated parts.
    image.attributes.add(UInt16(0), UInt16(4))
    image.attributes.bytes += Array("note".utf8)
    image.attributes.add(UInt32(Self.text.count))
    image.attributes.bytes += Self.text
    image.attributeSets.add(UInt64(0), UInt32(1), UInt32(5 + Self.text.count))
    var entries: [CraftedImage.Entry] = []
    for number in UInt32(3)...60 {
      let inode = image.addLink(number, to: "what name \(number / 4) is for")
      entries.append(
        CraftedImage.Entry(name: "link\(number + 100)", inode: inode, number: number, type: 3))
    }
    let file = image.addFile(2, at: 0, size: 0, attributes: 0)
    try expectRefusal(of: image, file, example, entries)
  }

  /// The library reads what was packed, but that does not make it equal.
  @Test func nothingIsEqualThatLinuxDoesNotRead() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path("tree")])
    try Data(Self.text).write(to: URL(fileURLWithPath: folder.path("tree/file")))
    let path = folder.path("i.squash")
    let pack = [Tool.autosquash, "pack", "tree", "-o", path, "-q", "--compression", "zstd"]
    try Tool.check(pack, in: folder.root)
    let packed = try Image(ImageInput(path: Array(path.utf8))).fragment(0)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = Int(packed.start)..<Int(packed.start) + packed.stored.byteCount
    var frame = Array(bytes[place])
    try Self.changeModes(of: &frame) { $0 |= 1 }
    bytes.replaceSubrange(place, with: frame)
    try bytes.write(to: URL(fileURLWithPath: path))

    for options in [[], ["--against", "tree"]] {
      let result = try Tool.run([Tool.autosquash, "verify", path] + options, in: folder.root)
      #expect(result.status == 1 && result.text.contains("1 error"), "\(result.summary)")
      #expect(!result.text.contains("equal"), "\(result.summary)")
      #expect(result.text.contains(": file: "), "the file is not named: \(result.summary)")
    }
    let content = try Tool.check([Tool.autosquash, "cat", path, "file"], in: folder.root)
    #expect(content.output == Self.text)
  }

  private static func image(_ example: Case) -> CraftedImage {
    var image = CraftedImage()
    image.compressor = example.codec
    image.options = example.options
    image.blockLog = 13
    return image
  }

  private func expectRefusal(
    of image: CraftedImage, _ file: UInt64, _ example: Case, _ others: [CraftedImage.Entry] = []
  ) throws {
    var image = image
    let entry = CraftedImage.Entry(name: "file", inode: file, number: 2, type: 2)
    let root = image.addDirectory(1, [entry] + others)
    let folder = try TemporaryFolder()
    let path = folder.path("i.squash")
    try Data(image.build(root: root)).write(to: URL(fileURLWithPath: path))

    let mounted = try? withMount(of: path) { root in
      try Tool.check(["sh", "-ec", "cat file; ls -lR; getfattr -h -d -R ."], in: root)
    }
    #expect(mounted == nil, "the kernel reads it")

    let report = try Verifier(ImageInput(path: Array(path.utf8))).run()
    #expect(!report.isWhole)
    #expect(
      report.findings.contains { $0.severity == .error && $0.message.contains(example.message) },
      "\(report.findings.map(\.message))")
    // The known fault is the only one reported.
    #expect(report.errors == 1, "\(report.findings.map(\.message))")
  }
}

// MARK: Making the blocks

extension KernelDifferenceTests {
  /// A library that did not do what it should.
  private struct Failure: Error {}

  static func zstd(
    _ content: [UInt8], ofUnknownSize: Bool = false, window: UInt8 = 0
  ) throws -> [UInt8] {
    let context = ZSTD_createCCtx()
    defer { ZSTD_freeCCtx(context) }
    if ofUnknownSize { ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0) }
    var output = [UInt8](repeating: 0, count: content.count + 100)
    let count = ZSTD_compress2(context, &output, output.count, content, content.count)
    guard ZSTD_isError(count) == 0 else { throw Failure() }
    if ofUnknownSize { output[5] = window }
    return Array(output[..<count])
  }

  /// The start of the frame's first block after its header: frames of known size have one segment.
  private static func zstdBlockStart(_ frame: [UInt8]) -> Int {
    8 + [1, 2, 4, 8][Int(frame[4] >> 6)]
  }

  /// A frame in which the byte with the modes of its symbols is changed.
  static func zstdModes(
    of content: [UInt8], _ change: (inout UInt8) -> Void
  ) throws -> [UInt8] {
    var frame = try zstd(content)
    try changeModes(of: &frame, change)
    return frame
  }

  static func changeModes(of frame: inout [UInt8], _ change: (inout UInt8) -> Void) throws {
    let start = zstdBlockStart(frame)
    let literals = try frame.withUnsafeBytes {
      try ZstdLiterals().check(UnsafeRawBufferPointer(rebasing: $0[start...]))
    }
    let sequences = start + literals.end
    guard frame[sequences] > 0 else { throw Failure() }
    change(&frame[sequences + (frame[sequences] < 128 ? 1 : frame[sequences] < 255 ? 2 : 3)])
  }

  /// A frame with a flipped bit that causes `damage`, and that the library unpacks to as many bytes
  /// as before.
  static func zstdFlip(of content: [UInt8], _ damage: String) throws -> [UInt8] {
    let frame = try zstd(content)
    var output = [UInt8](repeating: 0, count: content.count)
    for bit in (0..<frame.count * 8).reversed() {
      var flipped = frame
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      let count = ZSTD_decompress(&output, output.count, flipped, flipped.count)
      guard count == content.count else { continue }
      do {
        _ = try flipped.withUnsafeBytes { try ZstdFrame().check($0) }
      } catch let found as ZstdFrame.Damage {
        if found.text == damage { return flipped }
      }
    }
    throw Failure()
  }

  /// A frame with one segment, up to the header of its first block or the given bytes.
  static func zstdFrame(of count: Int, _ block: [UInt8]) -> [UInt8] {
    [0x28, 0xb5, 0x2f, 0xfd, 0x60, UInt8((count - 256) & 0xff), UInt8((count - 256) >> 8)] + block
  }

  static func xz(
    _ content: [UInt8], check: lzma_check = LZMA_CHECK_CRC32, filter: UInt64? = nil,
    dictionary: UInt32 = 8192
  ) throws -> [UInt8] {
    var options = lzma_options_lzma()
    lzma_lzma_preset(&options, 6)
    options.dict_size = dictionary
    var delta = lzma_options_delta()
    delta.dist = 1
    var output = [UInt8](repeating: 0, count: content.count + 1000)
    var count = 0
    let status = withUnsafeMutablePointer(to: &options) { options in
      withUnsafeMutablePointer(to: &delta) { delta in
        var filters = [
          lzma_filter(id: clzma_filter_lzma2, options: options),
          lzma_filter(id: clzma_vli_unknown, options: nil),
        ]
        if let filter {
          filters.insert(lzma_filter(id: filter, options: filter == 3 ? delta : nil), at: 0)
        }
        return lzma_stream_buffer_encode(
          &filters, check, nil, content, content.count, &output, &count, output.count)
      }
    }
    guard status == LZMA_OK else { throw Failure() }
    return Array(output[..<count])
  }

  /// Two streams' blocks in one: The .xz File Format, sections 2 to 4.
  static func xzOfTwoBlocks(_ content: [UInt8]) throws -> [UInt8] {
    func number(_ value: Int) -> [UInt8] {
      value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + number(value >> 7)
    }
    func checksum(_ bytes: [UInt8]) -> [UInt8] {
      let sum = UInt32(crc32(0, bytes, UInt32(bytes.count)))
      return (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
    }
    let parts = [(Array(content[..<100]), UInt32(8192)), (Array(content[100...]), UInt32(16384))]
    var stream: [UInt8] = []
    var index: [UInt8] = [0, UInt8(parts.count)]
    for (part, dictionary) in parts {
      let whole = try xz(part, dictionary: dictionary)
      if stream.isEmpty { stream = Array(whole[..<12]) }
      let indexStart = whole.count - 12 - (Int(whole[whole.count - 8]) + 1) * 4
      stream += whole[12..<indexStart]
      // The size without padding is taken from the part's own index.
      index += whole[(indexStart + 2)...].prefix { $0 & 128 != 0 }
      index.append(whole[(indexStart + 2)...].first { $0 & 128 == 0 }!)
      index += number(part.count)
    }
    while index.count % 4 != 0 { index.append(0) }
    index += checksum(index)
    let footer: [UInt8] = [UInt8(index.count / 4 - 1), 0, 0, 0, 0, 1]
    return stream + index + checksum(footer) + footer + Array("YZ".utf8)
  }

  static func lzo(_ content: [UInt8]) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: content.count + 1000)
    var memory = [UInt64](repeating: 0, count: 16384)
    var count = lzo_uint(0)
    guard
      lzo1x_1_compress(content, lzo_uint(content.count), &output, &count, &memory) == LZO_E_OK
    else { throw Failure() }
    return Array(output[..<Int(count)])
  }

  static func gzip(_ content: [UInt8]) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: content.count + 1000)
    var count = uLongf(output.count)
    guard compress(&output, &count, content, uLong(content.count)) == Z_OK else { throw Failure() }
    return Array(output[..<Int(count)])
  }
}
