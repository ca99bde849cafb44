import CLZO
import CZlib
import Posix

/// An unpacked stream of lzop, with its checksums.
///
/// Layout: as lzop 1.04 writes it: a header, then blocks with their sizes, and a size of 0.
final class LZOPInput: ByteInput {
  private let source: PushbackInput
  private let path: [UInt8]
  private var flags: UInt32 = 0
  private var isOver = false
  private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  private(set) var position: Int64 = 0

  private static let markSize = 9
  /// The largest block lzop itself accepts.
  private static let largestBlock = 64 << 20
  /// The flags of a header.
  private static let (adlerOfPlain, adlerOfPacked): (UInt32, UInt32) = (0x1, 0x2)
  private static let (crcOfPlain, crcOfPacked): (UInt32, UInt32) = (0x100, 0x200)
  private static let (hasExtraField, isMultipart): (UInt32, UInt32) = (0x40, 0x400)
  private static let (hasFilter, hasHeaderCRC): (UInt32, UInt32) = (0x800, 0x1000)

  /// - Parameter source: positioned at the magic number.
  init(_ source: PushbackInput, path: [UInt8]) throws {
    self.source = source
    self.path = path
    try readHeader()
  }

  deinit { buffer.deallocate() }

  func next() throws -> UnsafeRawBufferPointer {
    while !isOver {
      let size = Int(try number(4))
      if size == 0 {
        try source.skipZeros()
        isOver = try !StreamFormat.lzop.begins(source.peek(StreamFormat.longestStart))
        if !isOver { try readHeader() }
        continue
      }
      let packedSize = Int(try number(4))
      guard size <= Self.largestBlock, packedSize > 0, packedSize <= size else {
        throw damaged("the size of a block is wrong")
      }
      let plainSums = try [Self.adlerOfPlain, Self.crcOfPlain].map { try sum($0) }
      let packedSums =
        packedSize < size ? try [Self.adlerOfPacked, Self.crcOfPacked].map { try sum($0) } : []
      try unpack(packedSize, to: size, packedSums)
      let plain = UnsafeRawBufferPointer(rebasing: buffer[..<size])
      try check(plain, plainSums)
      position += Int64(size)
      return plain
    }
    return UnsafeRawBufferPointer(start: nil, count: 0)
  }

  private func unpack(_ packedSize: Int, to size: Int, _ sums: [UInt32?]) throws {
    let packed = try source.peek(packedSize)
    guard packed.count == packedSize else { throw StreamFormat.lzop.cutOff(path) }
    try check(packed, sums)
    if buffer.count < size {
      buffer.deallocate()
      buffer = .allocate(byteCount: size, alignment: 64)
    }
    if packedSize == size {
      buffer.copyMemory(from: packed)
    } else {
      var count = lzo_uint(size)
      let status = lzo1x_decompress_safe(
        packed.cBytes, lzo_uint(packedSize), buffer.cBytes, &count, nil)
      guard status == LZO_E_OK, count == lzo_uint(size) else {
        throw damaged("a block does not unpack")
      }
    }
    source.skip(packedSize)
  }

  /// A checksum before a block, if the header announces it.
  private func sum(_ flag: UInt32) throws -> UInt32? {
    flags & flag == 0 ? nil : UInt32(try number(4))
  }

  /// - Parameter sums: Adler-32 and CRC-32.
  private func check(_ bytes: UnsafeRawBufferPointer, _ sums: [UInt32?]) throws {
    guard sums.count == 2 else { return }
    if let expected = sums[0], UInt32(adler32(1, bytes.cBytes, UInt32(bytes.count))) != expected {
      throw damaged("a checksum is wrong")
    }
    if let expected = sums[1], UInt32(crc32(0, bytes.cBytes, UInt32(bytes.count))) != expected {
      throw damaged("a checksum is wrong")
    }
  }

  private func readHeader() throws {
    source.skip(Self.markSize)
    var header: [UInt8] = []
    func field(_ count: Int) throws -> UInt64 {
      let bytes = try take(count)
      header += bytes
      return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
    let version = try field(2)
    _ = try field(2)  // of the library
    let needed = version >= 0x940 ? try field(2) : 0x900
    let method = try field(1)
    if version >= 0x940 { _ = try field(1) }  // the level
    flags = UInt32(try field(4))
    if flags & Self.hasFilter != 0 { _ = try field(4) }
    _ = try field(4)  // the mode
    _ = try field(4)  // the time
    if version >= 0x940 { _ = try field(4) }
    for _ in 0..<(try field(1)) { _ = try field(1) }  // the name
    let expected = UInt32(try number(4))
    let found =
      flags & Self.hasHeaderCRC != 0
      ? crc32(0, header, UInt32(header.count)) : adler32(1, header, UInt32(header.count))
    guard UInt32(found) == expected else { throw damaged("the header's checksum is wrong") }
    // Methods 1 to 3 are levels of LZO1X.
    guard needed <= 0x1040, (1...3).contains(method), flags & Self.hasFilter == 0,
      flags & Self.isMultipart == 0
    else {
      throw SourceError(
        .refused, path: path, "an lzop stream with unknown features",
        hint: "lzop -dc \(path.shellWord) | autosquash pack - -o IMAGE packs its contents")
    }
    if flags & Self.hasExtraField != 0 {
      let length = Int(try number(4))
      guard length <= Self.largestBlock else { throw damaged("the header's extra field is wrong") }
      _ = try take(length + 4)
    }
  }

  /// A big-endian number.
  private func number(_ count: Int) throws -> UInt64 {
    try take(count).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func take(_ count: Int) throws -> [UInt8] {
    let bytes = Array(try source.peek(count))
    guard bytes.count == count else { throw StreamFormat.lzop.cutOff(path) }
    source.skip(count)
    return bytes
  }

  private func damaged(_ reason: String) -> SourceError {
    StreamFormat.lzop.damaged(path, reason)
  }
}
