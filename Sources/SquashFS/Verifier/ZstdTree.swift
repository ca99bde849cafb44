import SquashFSFormat

/// A Huffman tree, reduced to the number of bits that each literal takes.
///
/// Layout: RFC 8878, section 4.2.
final class ZstdTree {
  private typealias Damage = ZstdFrame.Damage

  /// The most bits of a literal.
  private var log = 0
  /// The number of bits in the literal that begins with given bits.
  private let lengths = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << mostLog)
  /// The number of complete literals in given bits, times 16, plus the number of bits they take.
  private let runs = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << mostLog)
  private var hasRuns = false
  private var weightTable = FSETable(
    symbols: (0..<256).map { FSETable.Symbol(base: $0, extraBits: 0) }, mostLog: 6)

  private static let mostLog = 12
  /// With fewer literals, making the table of runs takes longer than doing without.
  private static let fewLiterals = 2000

  init() {
    lengths.initialize(repeating: 0, count: 1 << Self.mostLog)
    runs.initialize(repeating: 0, count: 1 << Self.mostLog)
  }

  deinit {
    lengths.deallocate()
    runs.deallocate()
    weightTable.states.deallocate()
  }

  private static let wrong = ZstdFrame.Damage(text: "has an invalid tree of literals")

  /// Reads a description.
  ///
  /// - Parameter literals: the number of literals to come.
  /// - Returns: its size in bytes.
  func read(
    _ bytes: UnsafeRawBufferPointer, _ literals: Int
  ) throws(ZstdFrame.Damage) -> Int {
    guard let first = bytes.first else { throw ZstdLiterals.cut }
    /// How many symbols have each weight.
    var counts = (0...Self.mostLog).map { _ in 0 }
    let size: Int
    if first < 128 {
      size = 1 + Int(first)
      guard bytes.count >= size else { throw ZstdLiterals.cut }
      try readWeights(UnsafeRawBufferPointer(rebasing: bytes[1..<size]), &counts)
    } else {
      let symbols = Int(first) - 127
      size = 1 + (symbols + 1) / 2
      guard bytes.count >= size else { throw ZstdLiterals.cut }
      for index in 0..<symbols {
        let weight = Int(bytes[1 + index / 2] >> (index % 2 == 0 ? 4 : 0) & 0xf)
        guard weight < counts.count else { throw Self.wrong }
        counts[weight] += 1
      }
    }
    try fill(&counts)
    hasRuns = literals >= Self.fewLiterals && log <= 11
    if hasRuns { fillRuns() }
    return size
  }

  /// Reads compressed weights, with two alternating states, up to the last bit.
  private func readWeights(
    _ bytes: UnsafeRawBufferPointer, _ counts: inout [Int]
  ) throws(ZstdFrame.Damage) {
    let distribution = try FSEDistribution(bytes, mostSymbols: weightTable.symbolCount)
    try weightTable.fill(with: distribution)
    let stream = UnsafeRawBufferPointer(rebasing: bytes[distribution.byteCount...])
    guard let last = stream.last, last != 0 else { throw ZstdLiterals.cut }
    var bits = stream.count * 8 - last.leadingZeroBitCount - 1
    /// Bits before the start are zero.
    func take(_ count: Int) -> Int {
      var value = 0
      for _ in 0..<count {
        bits -= 1
        value <<= 1
        if bits >= 0 { value |= Int(stream[bits >> 3] >> UInt8(bits & 7) & 1) }
      }
      return value
    }
    var states = (take(weightTable.log), take(weightTable.log))
    guard bits >= 0 else { throw ZstdLiterals.cut }
    for _ in 0..<256 {
      let state = weightTable.states[states.0]
      guard state.base < counts.count else { throw Self.wrong }
      counts[Int(state.base)] += 1
      let next = Int(state.next) + take(Int(state.stateBits))
      states = (states.1, next)
      if bits < 0 {
        let last = weightTable.states[states.0]
        guard last.base < counts.count else { throw Self.wrong }
        counts[Int(last.base)] += 1
        return
      }
    }
    throw Self.wrong
  }

  /// Makes the table from the weights; the last symbol gets the rest.
  private func fill(_ counts: inout [Int]) throws(ZstdFrame.Damage) {
    var total = 0
    for (weight, count) in counts.enumerated().dropFirst() { total += count << (weight - 1) }
    guard total > 0 else { throw Self.wrong }
    log = Int.bitWidth - total.leadingZeroBitCount
    guard log <= Self.mostLog else { throw Self.wrong }
    let missing = 1 << log - total
    guard missing.nonzeroBitCount == 1 else { throw Self.wrong }
    counts[missing.trailingZeroBitCount + 1] += 1
    var position = 0
    for (weight, count) in counts.enumerated().dropFirst() where count > 0 {
      let end = position + count << (weight - 1)
      guard end <= 1 << log, weight <= log else { throw Self.wrong }
      for index in position..<end { lengths[index] = UInt8(log + 1 - weight) }
      position = end
    }
    guard position == 1 << log else { throw Self.wrong }
  }

  private func fillRuns() {
    let mask = 1 << log - 1
    for index in 0...mask {
      var (bits, count) = (0, 0)
      while count < 15 {
        let length = Int(lengths[index << bits & mask])
        if bits + length > log { break }
        bits += length
        count += 1
      }
      runs[index] = UInt8(count << 4 | bits)
    }
  }

  private static let wrongEnd = ZstdFrame.Damage(text: "has literals that end in the wrong place")

  /// A stream and the number of literals still to come.
  private struct Rest {
    var bits: ZstdBits
    var left: Int

    init(_ stream: UnsafeRawBufferPointer, _ count: Int) throws(ZstdFrame.Damage) {
      guard let bits = ZstdBits(stream) else { throw ZstdLiterals.cut }
      self.bits = bits
      left = count
    }

    /// Whether a load's runs are complete, if the stream is valid.
    var hasRuns: Bool { left > 55 && bits.count >= 0 }

    @inline(__always) mutating func pass(
      _ run: UInt8, _ word: inout UInt64
    ) {
      word &<<= UInt64(run & 15)
      bits.count &-= Int(run & 15)
      left &-= Int(run &>> 4)
    }
  }

  /// Each load has at least five runs of at most eleven bits, and eleven literals.
  private static let runsInLoad = 5

  /// Traces a stream, which must end after `count` literals.
  func check(_ stream: UnsafeRawBufferPointer, _ count: Int) throws(ZstdFrame.Damage) {
    try finish(Rest(stream, count))
  }

  /// Traces four streams at once, which is faster than one after the other.
  func check(
    _ streams: (
      UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer
    ), _ count: Int
  ) throws(ZstdFrame.Damage) {
    let quarter = (count + 3) / 4
    guard count >= 3 * quarter else { throw ZstdLiterals.cut }
    var (a, b) = (try Rest(streams.0, quarter), try Rest(streams.1, quarter))
    var (c, d) = (try Rest(streams.2, quarter), try Rest(streams.3, count - 3 * quarter))
    if hasRuns {
      let shift = UInt64(64 - log)
      while a.hasRuns, b.hasRuns, c.hasRuns, d.hasRuns {
        var (wordA, wordB) = (a.bits.load(), b.bits.load())
        var (wordC, wordD) = (c.bits.load(), d.bits.load())
        for _ in 0..<Self.runsInLoad {
          a.pass(runs[Int(truncatingIfNeeded: wordA &>> shift)], &wordA)
          b.pass(runs[Int(truncatingIfNeeded: wordB &>> shift)], &wordB)
          c.pass(runs[Int(truncatingIfNeeded: wordC &>> shift)], &wordC)
          d.pass(runs[Int(truncatingIfNeeded: wordD &>> shift)], &wordD)
        }
      }
    }
    try finish(a)
    try finish(b)
    try finish(c)
    try finish(d)
  }

  private func finish(_ stream: Rest) throws(ZstdFrame.Damage) {
    var stream = stream
    let shift = UInt64(64 - log)
    if hasRuns {
      while stream.hasRuns {
        var word = stream.bits.load()
        for _ in 0..<Self.runsInLoad {
          stream.pass(runs[Int(truncatingIfNeeded: word &>> shift)], &word)
        }
      }
    }
    while stream.left > 0, stream.bits.count >= 0 {
      let length = lengths[Int(truncatingIfNeeded: stream.bits.load() &>> shift)]
      stream.bits.count &-= Int(length)
      stream.left &-= 1
    }
    guard stream.left == 0, stream.bits.count == 0 else { throw Self.wrongEnd }
  }
}
