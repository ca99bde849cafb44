import SquashFSFormat

/// The expected frequency of symbols, as described in a block.
///
/// Layout: RFC 8878, section 4.1.1.
struct FSEDistribution {
  /// The logarithm of the number of states.
  var log: Int
  /// For each symbol; -1 means less than one.
  var counts: [Int16]
  /// The size of the description.
  var byteCount = 0

  init(log: Int, counts: [Int16]) {
    self.log = log
    self.counts = counts
  }

  init(_ bytes: UnsafeRawBufferPointer, mostSymbols: Int) throws(ZstdFrame.Damage) {
    let wrong = ZstdFrame.Damage(text: "has an invalid table")
    var position = 0
    /// The next bits; zeros past the end.
    func look(_ count: Int) -> Int {
      var word: UInt32 = 0
      for index in 0..<4 where position >> 3 + index < bytes.count {
        word |= UInt32(bytes[position >> 3 + index]) << UInt32(8 * index)
      }
      return Int(word >> UInt32(position & 7)) & (1 << count - 1)
    }
    log = look(4) + 5
    position = 4
    guard log <= 15 else { throw wrong }
    counts = []
    var left = 1 << log
    while left > 0 {
      guard counts.count < mostSymbols else { throw wrong }
      // Small values take one bit less.
      let width = Int.bitWidth - (left + 1).leadingZeroBitCount
      let half = 1 << (width - 1)
      let small = 2 * half - 1 - (left + 1)
      var value = look(width)
      if value & (half - 1) < small {
        value &= half - 1
        position += width - 1
      } else {
        if value >= half { value -= small }
        position += width
      }
      counts.append(Int16(value - 1))
      left -= abs(value - 1)
      if value == 1 {
        var more = 3
        while more == 3 {
          more = look(2)
          position += 2
          guard counts.count + more <= mostSymbols else { throw wrong }
          counts += repeatElement(0, count: more)
        }
      }
    }
    byteCount = (position + 7) / 8
    guard left == 0, byteCount <= bytes.count else { throw wrong }
  }
}

/// A decoding table: the meaning of each state.
///
/// Layout: RFC 8878, section 4.1.1.
struct FSETable {
  /// A state: its symbol's meaning, and how to get to the next.
  struct State {
    /// The smallest value of the symbol.
    var base: UInt32
    /// The number of bits to add to it.
    var extraBits: UInt8
    /// The number of bits to add to `next`.
    var stateBits: UInt8
    var next: UInt16
  }

  /// The meaning of a symbol.
  struct Symbol {
    var base: UInt32
    var extraBits: UInt8
  }

  private(set) var log = 0
  let states: UnsafeMutablePointer<State>
  private let symbols: [Symbol]
  let mostLog: Int

  /// - Parameter mostLog: the logarithm of the largest table. The maker must also free it.
  init(symbols: [Symbol], mostLog: Int) {
    self.symbols = symbols
    self.mostLog = mostLog
    states = .allocate(capacity: 1 << mostLog)
    states.initialize(
      repeating: State(base: 0, extraBits: 0, stateBits: 0, next: 0), count: 1 << mostLog)
  }

  var symbolCount: Int { symbols.count }

  /// Makes a table with a single symbol.
  mutating func fill(with symbol: UInt8) throws(ZstdFrame.Damage) {
    guard Int(symbol) < symbols.count else { throw Self.wrong }
    log = 0
    states[0] = State(
      base: symbols[Int(symbol)].base, extraBits: symbols[Int(symbol)].extraBits, stateBits: 0,
      next: 0)
  }

  mutating func fill(with distribution: FSEDistribution) throws(ZstdFrame.Damage) {
    guard distribution.log <= mostLog, distribution.counts.count <= symbols.count else {
      throw Self.wrong
    }
    log = distribution.log
    let size = 1 << log
    // Rare symbols get the last states; the others are spread over the rest. `next` first holds a
    // state's symbol.
    var end = size
    for (symbol, count) in distribution.counts.enumerated() where count == -1 {
      guard end > 0 else { throw Self.wrong }
      end -= 1
      states[end].next = UInt16(symbol)
    }
    let step = size >> 1 + size >> 3 + 3
    var position = 0
    for (symbol, count) in distribution.counts.enumerated() where count > 0 {
      for _ in 0..<count {
        states[position].next = UInt16(symbol)
        repeat { position = (position + step) & (size - 1) } while position >= end && end > 0
      }
    }
    var following = distribution.counts.map { $0 == -1 ? 1 : Int($0) }
    for index in 0..<size {
      let symbol = Int(states[index].next)
      let number = following[symbol]
      guard number > 0 else { throw Self.wrong }
      following[symbol] = number + 1
      let bits = log - (Int.bitWidth - 1 - number.leadingZeroBitCount)
      guard bits >= 0 else { throw Self.wrong }
      states[index] = State(
        base: symbols[symbol].base, extraBits: symbols[symbol].extraBits,
        stateBits: UInt8(bits), next: UInt16(number << bits - size))
    }
  }

  private static let wrong = ZstdFrame.Damage(text: "has an invalid table")
}
