/// A hash table from (directory, name) to a node's number that stores only the number.
struct NodeTable {
  private static let empty = UInt32.max
  private static let tombstone = UInt32.max - 1

  private var slots = [UInt32](repeating: Self.empty, count: 64)
  private var used = 0

  static func hash(_ parent: Int, _ name: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    hasher.combine(parent)
    hasher.combine(bytes: name)
    return hasher.finalize()
  }

  static func hash(_ parent: Int, _ name: ArraySlice<UInt8>) -> Int {
    name.withUnsafeBytes { hash(parent, $0) }
  }

  func find(hash: Int, where isWanted: (Int) -> Bool) -> Int? {
    var slot = hash & (slots.count - 1)
    while slots[slot] != Self.empty {
      if slots[slot] != Self.tombstone && isWanted(Int(slots[slot])) { return Int(slots[slot]) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// - Parameter rehash: returns the hash of a number inserted before.
  mutating func insert(_ number: Int, hash: Int, rehash: (Int) -> Int) {
    if (used + 1) * 4 > slots.count * 3 { grow(rehash) }
    var slot = hash & (slots.count - 1)
    while slots[slot] != Self.empty { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = UInt32(number)
    used += 1
  }

  mutating func remove(_ number: Int, hash: Int) {
    var slot = hash & (slots.count - 1)
    while slots[slot] != Self.empty {
      if slots[slot] == UInt32(number) {
        slots[slot] = Self.tombstone
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  private mutating func grow(_ rehash: (Int) -> Int) {
    let old = slots
    slots = [UInt32](repeating: Self.empty, count: old.count * 2)
    used = 0
    for number in old where number < Self.tombstone {
      var slot = rehash(Int(number)) & (slots.count - 1)
      while slots[slot] != Self.empty { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = number
      used += 1
    }
  }
}
