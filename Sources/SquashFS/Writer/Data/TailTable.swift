/// A hash table of the ends of files that stores only numbers for them and parts of hashes, eight
/// bytes for each: images can have millions.
struct TailTable {
  private static let empty = UInt64.max

  /// The upper half of a hash, and below it the number.
  private var slots: [UInt64] = []
  private var used = 0

  /// The first number with this hash that `isWanted` accepts.
  func find(hash: UInt64, where isWanted: (Int) throws -> Bool) rethrows -> Int? {
    guard !slots.isEmpty else { return nil }
    var slot = first(hash)
    while slots[slot] != Self.empty {
      if slots[slot] >> 32 == hash >> 32 {
        let number = Int(slots[slot] & 0xffff_ffff)
        if try isWanted(number) { return number }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  mutating func insert(_ number: Int, hash: UInt64) {
    if (used + 1) * 4 > slots.count * 3 { grow() }
    put(hash & ~0xffff_ffff | UInt64(number))
    used += 1
  }

  private mutating func put(_ entry: UInt64) {
    var slot = first(entry)
    while slots[slot] != Self.empty { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = entry
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: Self.empty, count: max(64, old.count * 2))
    for entry in old where entry != Self.empty { put(entry) }
  }

  private func first(_ hash: UInt64) -> Int { Int(hash >> 32) & (slots.count - 1) }
}
