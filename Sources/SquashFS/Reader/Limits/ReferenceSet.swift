import SquashFSFormat

/// The inodes met so far, by their places: exact for a few, approximate for very many, in bounded
/// memory. Nobody can foresee where it errs.
struct ReferenceSet {
  private var few: Set<UInt64> = []
  private var words: [UInt64] = []
  private let bitCount: UInt64
  private static let mostFew = 1 << 16

  /// - Parameter count: the number of inodes.
  init(count: UInt32) {
    // At most 8 MiB.
    bitCount = min(1 << 26, max(64, UInt64(count) * 16))
  }

  /// - Returns: whether the inode was new, as far as the set can tell.
  mutating func insert(_ reference: MetadataReference) -> Bool {
    if words.isEmpty {
      guard few.count == Self.mostFew else { return few.insert(reference.rawValue).inserted }
      words = Array(repeating: 0, count: Int(bitCount / 64) + 1)
      for known in few { _ = mark(known) }
      few = []
    }
    return mark(reference.rawValue)
  }

  private mutating func mark(_ value: UInt64) -> Bool {
    var hasher = Hasher()  // seeded anew in each run
    hasher.combine(value)
    let place = UInt64(bitPattern: Int64(hasher.finalize())) % bitCount
    let bit: UInt64 = 1 << (place % 64)
    defer { words[Int(place / 64)] |= bit }
    return words[Int(place / 64)] & bit == 0
  }
}
