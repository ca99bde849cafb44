import SquashFSFormat

/// The sequences of a frame's blocks, decoded just far enough to check that their bits agree: each
/// is a number of literals, then a length and a distance to copy from.
///
/// Layout: RFC 8878, section 3.1.1.3.2.
final class ZstdSequences {
  private typealias Damage = ZstdFrame.Damage

  private var literals = FSETable(symbols: ZstdCodes.literals, mostLog: 9)
  private var offsets = FSETable(symbols: ZstdCodes.offsets, mostLog: 8)
  private var matches = FSETable(symbols: ZstdCodes.matches, mostLog: 9)
  /// Whether an earlier block has left tables.
  private var hasTables = false
  /// The offsets used last.
  private var recent: (Int, Int, Int) = (1, 4, 8)
  /// The possible values for a repeated offset: a lookup is faster than four tests.
  private let choices = UnsafeMutablePointer<Int>.allocate(capacity: 4)
  private var window = 0

  init() { choices.initialize(repeating: 0, count: 4) }

  deinit {
    literals.states.deallocate()
    offsets.states.deallocate()
    matches.states.deallocate()
    choices.deallocate()
  }

  /// Starts a frame.
  ///
  /// - Parameter window: the largest offset in bytes.
  func reset(window: UInt64) {
    self.window = Int(clamping: window)
    recent = (1, 4, 8)
    hasTables = false
  }

  /// - Returns: the number of bytes copied.
  func check(_ section: UnsafeRawBufferPointer) throws(ZstdFrame.Damage) -> Int {
    guard let first = section.first else { throw Self.cut }
    var count = Int(first)
    var position = 1
    if first >= 128 {
      guard section.count >= (first == 255 ? 3 : 2) else { throw Self.cut }
      if first < 255 {
        count = (count - 128) << 8 + Int(section[1])
        position = 2
      } else {
        count = Int(section[1]) + Int(section[2]) << 8 + 0x7F00
        position = 3
      }
    }
    guard count > 0 else {
      guard position == section.count else { throw Damage(text: "has bytes after its end") }
      return 0
    }
    guard position < section.count else { throw Self.cut }
    let modes = section[position]
    position += 1
    guard modes & 3 == 0 else { throw Damage(text: "has a reserved bit set") }
    position += try Self.read(&literals, modes >> 6, .literals, section, position, hasTables)
    position += try Self.read(&offsets, modes >> 4 & 3, .offsets, section, position, hasTables)
    position += try Self.read(&matches, modes >> 2 & 3, .matches, section, position, hasTables)
    hasTables = true
    return try decode(count, UnsafeRawBufferPointer(rebasing: section[position...]))
  }

  private static let cut = ZstdFrame.Damage(text: "has incomplete sequences")

  /// Makes a table according to its mode.
  ///
  /// - Returns: the number of bytes in its description.
  private static func read(
    _ table: inout FSETable, _ mode: UInt8, _ kind: ZstdCodes.Kind,
    _ section: UnsafeRawBufferPointer, _ position: Int, _ hasTables: Bool
  ) throws(ZstdFrame.Damage) -> Int {
    switch mode {
    case 0:
      try table.fill(with: ZstdCodes.predefined(kind))
      return 0
    case 1:
      guard position < section.count else { throw cut }
      try table.fill(with: section[position])
      return 1
    case 2:
      let bytes = UnsafeRawBufferPointer(rebasing: section[position...])
      let distribution = try FSEDistribution(bytes, mostSymbols: table.symbolCount)
      try table.fill(with: distribution)
      return distribution.byteCount
    default:
      guard hasTables else { throw Damage(text: "lacks a table that it uses") }
      return 0
    }
  }

  /// Reads the bits from the end of the stream to its start, where they must end.
  private func decode(
    _ count: Int, _ stream: UnsafeRawBufferPointer
  ) throws(ZstdFrame.Damage) -> Int {
    guard var rest = ZstdBits(stream) else { throw Self.cut }
    let (literals, offsets, matches) = (literals.states, offsets.states, matches.states)
    let choices = choices
    var word = rest.load()
    var literal = Int(ZstdBits.first(UInt8(self.literals.log), of: word))
    word &<<= UInt64(self.literals.log)
    var offset = Int(ZstdBits.first(UInt8(self.offsets.log), of: word))
    word &<<= UInt64(self.offsets.log)
    var match = Int(ZstdBits.first(UInt8(self.matches.log), of: word))
    rest.count &-= self.literals.log &+ self.offsets.log &+ self.matches.log
    guard rest.count >= 0 else { throw Self.wrongEnd }
    var (first, second, third) = recent
    var (copied, largest, smallest) = (0, 0, Int.max)
    var left = count
    while true {
      // Look up independent values at the same time: the chain from one state to the next is what
      // takes long.
      let (ofLiterals, ofOffset, ofMatch) = (literals[literal], offsets[offset], matches[match])
      word = rest.load()
      let extra = Int(ZstdBits.first(ofOffset.extraBits, of: word))
      let more = ZstdBits.first(ofMatch.extraBits, of: word &<< UInt64(ofOffset.extraBits))
      copied &+= Int(ofMatch.base) &+ Int(more)
      // A repeated offset or a new one; without literals it cannot be the first.
      let value = Int(ofOffset.base) &+ extra
      let isNew = ofOffset.extraBits > 1
      let which = value &+ (ofLiterals.base == 0 ? 1 : 0)
      (choices[0], choices[1], choices[2], choices[3]) = (first, second, third, first &- 1)
      let known = choices[isNew ? 0 : which &- 1]
      third = isNew || which > 2 ? second : third
      second = isNew || which > 1 ? first : second
      first = isNew ? value &- 3 : known
      largest = max(largest, first)
      smallest = min(smallest, first)

      let skipped = Int(ofOffset.extraBits) &+ Int(ofMatch.extraBits) &+ Int(ofLiterals.extraBits)
      left &-= 1
      if left == 0 {
        rest.count &-= skipped
        break
      }
      let afterLiterals = UInt64(ofLiterals.stateBits)
      let afterMatch = afterLiterals &+ UInt64(ofMatch.stateBits)
      let used = skipped &+ Int(afterMatch) &+ Int(ofOffset.stateBits)
      if used > ZstdBits.mostLoaded {
        var before = rest
        before.count &-= skipped
        guard before.count >= 0 else { throw Self.wrongEnd }
        word = before.load()
      } else {
        word &<<= UInt64(skipped)
      }
      literal = Int(ofLiterals.next) &+ Int(ZstdBits.first(ofLiterals.stateBits, of: word))
      match =
        Int(ofMatch.next) &+ Int(ZstdBits.first(ofMatch.stateBits, of: word &<< afterLiterals))
      offset =
        Int(ofOffset.next) &+ Int(ZstdBits.first(ofOffset.stateBits, of: word &<< afterMatch))
      rest.count &-= used
      guard rest.count >= 0 else { throw Self.wrongEnd }
    }
    guard rest.count == 0 else { throw Self.wrongEnd }
    if smallest == 0 { throw Damage(text: "copies from its own output position") }
    if largest > window { throw Damage(text: "copies from beyond its window") }
    recent = (first, second, third)
    return copied
  }

  private static let wrongEnd = ZstdFrame.Damage(text: "has sequences that end in the wrong place")
}

/// The meaning of the symbols in sequences.
///
/// Values: RFC 8878, sections 3.1.1.3.2.1.1 and 3.1.1.3.2.2.
enum ZstdCodes {
  enum Kind { case literals, offsets, matches }

  static let literals = symbols(
    from: 0,
    extraBits: Array(repeating: 0, count: 16) + [1, 1, 1, 1, 2, 2, 3, 3, 4] + Array(6...16))
  static let matches = symbols(
    from: 3,
    extraBits: Array(repeating: 0, count: 32) + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5] + Array(7...16))
  static let offsets = (0..<32).map { FSETable.Symbol(base: 1 << $0, extraBits: UInt8($0)) }

  /// Consecutive ranges of values without a gap.
  private static func symbols(from start: UInt32, extraBits: [UInt8]) -> [FSETable.Symbol] {
    var base = start
    return extraBits.map { bits in
      defer { base += 1 << bits }
      return FSETable.Symbol(base: base, extraBits: bits)
    }
  }

  static func predefined(_ kind: Kind) -> FSEDistribution {
    switch kind {
    case .literals: defaultLiterals
    case .offsets: defaultOffsets
    case .matches: defaultMatches
    }
  }

  private static let defaultLiterals = FSEDistribution(
    log: 6,
    counts: [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1,
      1,
      -1, -1, -1, -1,
    ])
  private static let defaultMatches = FSEDistribution(
    log: 6,
    counts: [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ])
  private static let defaultOffsets = FSEDistribution(
    log: 5,
    counts: [
      1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ])
}
