/// Makes sure that files do not share large sets of extended attributes without end: whoever keeps or
/// writes them all would need any amount of memory or time.
struct AttributeBudget {
  private let table: MetadataTable
  private let setCount: Int
  private var taken: UInt64 = 0
  /// What the table unpacks to in bytes, once that was asked for.
  private var unpackedBytes: UInt64?
  /// Sets that were too much, so that they are not read for each name again.
  private var refused: Set<UInt32> = []
  private static let mostRefused = 1 << 16

  /// - Parameter table: with names and values.
  init(_ table: MetadataTable, setCount: Int) {
    self.table = table
    self.setCount = setCount
  }

  func isRefused(_ index: UInt32) -> Bool { refused.contains(index) }

  /// Counts a set that is handed out, for each file that has it.
  ///
  /// - Returns: whether there was room for it.
  mutating func take(_ index: UInt32, byteCount: Int) -> Bool {
    guard byteCount > EffortBudget.freeSetBytes else { return true }
    taken += UInt64(byteCount)
    if isPlausible(taken) { return true }
    if refused.count < Self.mostRefused { refused.insert(index) }
    return false
  }

  /// Whether large sets can have so many bytes together.
  mutating func isPlausible(_ bytes: UInt64) -> Bool {
    let free = EffortBudget.freeAttributeBytes
    guard bytes > free else { return true }
    let unpacked = unpackedBytes ?? table.unpackAll()
    unpackedBytes = unpacked
    // What each set has for itself is in the table; 128 bytes go for what a small one takes besides.
    return bytes <= free + 2 * unpacked + 128 * UInt64(setCount)
  }
}
