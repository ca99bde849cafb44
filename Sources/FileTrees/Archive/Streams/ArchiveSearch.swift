/// Looks for archives anywhere in bytes that are none themselves: what was put behind rubbish.
///
/// Only marks count that are too long, or too well checked, to be there by chance.
enum ArchiveSearch {
  /// A tar header's mark is within it, and the header is `TarHeaders.block` long.
  private static let markInTar = 257
  /// How far a look at one place reaches, before and behind it.
  private static let reach = 512

  /// Takes what is left of a stream, or some of it.
  ///
  /// - Parameters:
  ///   - limit: the most bytes to take.
  ///   - isWanted: which kinds count.
  /// - Returns: the number of bytes taken, and the first archive that begins among them.
  static func drain(
    _ input: PushbackInput, upTo limit: Int64 = .max,
    for isWanted: (StreamKind) -> Bool = { _ in true }
  ) throws -> (count: Int64, kind: StreamKind?) {
    var count: Int64 = 0
    var window: [UInt8] = []
    /// What is before this place in the window has been looked at.
    var seen = 0
    while true {
      let bytes = count < limit ? try input.next() : UnsafeRawBufferPointer(start: nil, count: 0)
      let taken = Int(min(Int64(bytes.count), limit - count))
      window.append(contentsOf: bytes[..<taken])
      count += Int64(taken)
      input.unread(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
      let end = taken == 0 ? window.count : max(seen, window.count - reach)
      let kind = window.withUnsafeBytes { find(in: $0, seen..<end, isWanted) }
      if let kind { return (count + (try input.drain()), kind) }
      if taken == 0 { return (count, nil) }
      let unneeded = max(0, end - reach)
      window.removeFirst(unneeded)
      seen = end - unneeded
    }
  }

  private static func find(
    in bytes: UnsafeRawBufferPointer, _ places: Range<Int>, _ isWanted: (StreamKind) -> Bool
  ) -> StreamKind? {
    for place in places {
      // Few bytes begin a mark.
      switch bytes[place] {
      case UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "B"),
        UInt8(ascii: "P"), 0x1f, 0xfd:
        if let kind = kind(at: place, in: bytes), isWanted(kind) { return kind }
      default: continue
      }
    }
    return nil
  }

  private static func kind(at place: Int, in bytes: UnsafeRawBufferPointer) -> StreamKind? {
    let here = UnsafeRawBufferPointer(rebasing: bytes[place...])
    switch here[0] {
    case UInt8(ascii: "u"):
      guard here.starts(with: "ustar".utf8), place >= markInTar else { return nil }
      let header = UnsafeRawBufferPointer(rebasing: bytes[(place - markInTar)...])
      return TarHeaders.isHeader(header) ? .tar : nil
    case UInt8(ascii: "0"):
      return here[1...].first == UInt8(ascii: "7") && CpioHeader.isHeader(here) ? .cpio : nil
    case UInt8(ascii: "P"): return isZipMember(here) ? .zip : nil
    case UInt8(ascii: "7"): return StreamKind(startOf: here) == .sevenZip ? .sevenZip : nil
    default:
      guard let format = StreamFormat(startOf: here) else { return nil }
      switch format {
      case .xz, .bzip2: return .compressed(format)
      case .gzip: return isLikelyGzip(here) ? .compressed(format) : nil
      default: return nil
      }
    }
  }

  /// The flags, the level and the system of a gzip header have few values.
  private static func isLikelyGzip(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 10 && bytes[3] & 0xe0 == 0 && [0, 2, 4].contains(bytes[8])
      && (bytes[9] <= 13 || bytes[9] == 0xff)
  }

  /// A member's header with a version and a method that there are, and a name without NUL.
  private static func isZipMember(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 31, bytes.starts(with: [0x50, 0x4b, 3, 4]), bytes[4] <= 63, bytes[9] == 0,
      bytes[8] <= 99
    else { return false }
    let length = Int(bytes[26]) | Int(bytes[27]) << 8
    let name = bytes[30..<min(bytes.count, 30 + length)]
    return length > 0 && length < 4096 && !name.contains(0)
  }
}
