/// Keeps files from sharing large sets of extended attributes without limit: keeping or writing
/// them all would take any amount of memory or time.
struct AttributeBudget {
  private let table: MetadataTable
  private let setCount: Int
  private var taken: UInt64 = 0
  /// The unpacked size of the table in bytes, once computed.
  private var unpackedBytes: UInt64?
  /// Sets that exceeded the budget, so that they are not read again for each name.
  private var refused: Set<UInt32> = []
  private static let mostRefused = 1 << 16

  /// - Parameter table: the one with names and values.
  init(_ table: MetadataTable, setCount: Int) {
    self.table = table
    self.setCount = setCount
  }

  func isRefused(_ index: UInt32) -> Bool { refused.contains(index) }

  /// Counts a set for each file that has it.
  ///
  /// - Returns: whether the budget allows it.
  mutating func take(_ index: UInt32, byteCount: Int) -> Bool {
    guard byteCount > EffortBudget.freeSetBytes else { return true }
    taken += UInt64(byteCount)
    if isPlausible(taken) { return true }
    if refused.count < Self.mostRefused { refused.insert(index) }
    return false
  }

  /// Whether large sets may have this many bytes in all.
  mutating func isPlausible(_ bytes: UInt64) -> Bool {
    let free = EffortBudget.freeAttributeBytes
    guard bytes > free else { return true }
    let unpacked = unpackedBytes ?? table.unpackAll()
    unpackedBytes = unpacked
    // The table holds each set's own part; 128 bytes cover what else a small set takes.
    return bytes <= free + 2 * unpacked + 128 * UInt64(setCount)
  }
}
