/// Looks for archives anywhere in other bytes: those hidden behind garbage.
///
/// Accepts only marks too long, or too well checked, to occur by chance.
enum ArchiveSearch {
  /// The offset of the mark in a tar header, which is `TarHeaders.block` long.
  private static let markInTar = 257
  /// How many bytes before and behind a position its check may need.
  private static let reach = 512

  /// Consumes the rest of a stream, or some of it.
  ///
  /// - Parameters:
  ///   - limit: the most bytes to consume.
  ///   - tarStart: where a tar archive began: its members may lie whole blocks from there,
  ///     including old ones without a mark.
  ///   - isWanted: which kinds count.
  /// - Returns: the number of bytes consumed, and the first archive that begins among them.
  static func drain(
    _ input: PushbackInput, upTo limit: Int64 = .max, tarFrom tarStart: Int64? = nil,
    for isWanted: (StreamKind) -> Bool = { _ in true }
  ) throws -> (count: Int64, kind: StreamKind?) {
    var count: Int64 = 0
    var window: [UInt8] = []
    /// Everything before this offset in the window has been searched.
    var seen = 0
    let block = Int64(TarHeaders.block)
    // The first whole block, counted from the window's start.
    var nextBlock = tarStart.map { Int(($0 - input.position) % block + block) % Int(block) }
    while true {
      let bytes = count < limit ? try input.next() : UnsafeRawBufferPointer(start: nil, count: 0)
      let taken = Int(min(Int64(bytes.count), limit - count))
      window.append(contentsOf: bytes[..<taken])
      count += Int64(taken)
      input.unread(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
      let end = taken == 0 ? window.count : max(seen, window.count - reach)
      let kind: StreamKind? = window.withUnsafeBytes { bytes in
        let kind = find(in: bytes, seen..<end, isWanted)
        while kind == nil, let place = nextBlock, place < end {
          if TarHeaders.isHeader(UnsafeRawBufferPointer(rebasing: bytes[place...])) { return .tar }
          nextBlock = place + TarHeaders.block
        }
        return kind
      }
      if let kind { return (count + (try input.drain()), kind) }
      if taken == 0 { return (count, nil) }
      let unneeded = max(0, end - reach)
      window.removeFirst(unneeded)
      seen = end - unneeded
      nextBlock = nextBlock.map { $0 - unneeded }
    }
  }

  private static func find(
    in bytes: UnsafeRawBufferPointer, _ places: Range<Int>, _ isWanted: (StreamKind) -> Bool
  ) -> StreamKind? {
    for place in places where place + 1 < bytes.count {
      let kind: StreamKind?
      // Two bytes rule out nearly all positions.
      switch (bytes[place], bytes[place + 1]) {
      case (UInt8(ascii: "u"), UInt8(ascii: "s")):
        kind = place >= markInTar && isTar(at: place - markInTar, bytes) ? .tar : nil
      case (UInt8(ascii: "0"), UInt8(ascii: "7")):
        kind = CpioHeader.isHeader(UnsafeRawBufferPointer(rebasing: bytes[place...])) ? .cpio : nil
      case (UInt8(ascii: "P"), UInt8(ascii: "K")): kind = isZipMember(at: place, bytes) ? .zip : nil
      case (UInt8(ascii: "7"), UInt8(ascii: "z")):
        let here = bytes[place...]
        kind = here.starts(with: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]) ? .sevenZip : nil
      case (0xfd, UInt8(ascii: "7")): kind = stream(.xz, at: place, bytes)
      case (UInt8(ascii: "B"), UInt8(ascii: "Z")): kind = stream(.bzip2, at: place, bytes)
      case (0x1f, 0x8b): kind = isLikelyGzip(at: place, bytes) ? .compressed(.gzip) : nil
      default: continue
      }
      if let kind, isWanted(kind) { return kind }
    }
    return nil
  }

  private static func stream(
    _ format: StreamFormat, at place: Int, _ bytes: UnsafeRawBufferPointer
  ) -> StreamKind? {
    format.begins(UnsafeRawBufferPointer(rebasing: bytes[place...])) ? .compressed(format) : nil
  }

  private static func isTar(at place: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let header = UnsafeRawBufferPointer(rebasing: bytes[place...])
    return header[markInTar...].starts(with: "ustar".utf8) && TarHeaders.isHeader(header)
  }

  /// Whether the flags, level and system are among the few values in real gzip headers.
  private static func isLikelyGzip(at place: Int, _ all: UnsafeRawBufferPointer) -> Bool {
    let bytes = UnsafeRawBufferPointer(rebasing: all[place...])
    return bytes.count >= 10 && bytes[2] == 8 && bytes[3] & 0xe0 == 0
      && [0, 2, 4].contains(bytes[8])
      && (bytes[9] <= 13 || bytes[9] == 0xff)
  }

  /// Whether this is a member's header with an existing version and method, and a name without NUL.
  private static func isZipMember(at place: Int, _ all: UnsafeRawBufferPointer) -> Bool {
    let bytes = UnsafeRawBufferPointer(rebasing: all[place...])
    guard bytes.count >= 31, bytes.starts(with: [0x50, 0x4b, 3, 4]), bytes[4] <= 63, bytes[9] == 0,
      bytes[8] <= 99
    else { return false }
    let length = Int(bytes[26]) | Int(bytes[27]) << 8
    let name = bytes[30..<min(bytes.count, 30 + length)]
    return length > 0 && length < 4096 && !name.contains(0)
  }
}
