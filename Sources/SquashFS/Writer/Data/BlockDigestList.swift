/// The digests of all blocks. In pieces, because an array copies all of it when it grows.
struct BlockDigestList {
  private static let perPiece = 1 << 15

  /// All full but the last.
  private var pieces: [[BlockDigest]] = []
  private(set) var count = 0

  mutating func append(_ digest: BlockDigest) {
    if count % Self.perPiece == 0 {
      pieces.append([])
      pieces[pieces.count - 1].reserveCapacity(Self.perPiece)
    }
    pieces[pieces.count - 1].append(digest)
    count += 1
  }

  subscript(block: Int) -> BlockDigest {
    get { pieces[block / Self.perPiece][block % Self.perPiece] }
    set { pieces[block / Self.perPiece][block % Self.perPiece] = newValue }
  }

  /// Removes the digests from a block on.
  mutating func truncate(to count: Int) {
    let whole = (count + Self.perPiece - 1) / Self.perPiece
    pieces.removeLast(pieces.count - whole)
    if whole > 0 {
      let left = count - (whole - 1) * Self.perPiece
      pieces[whole - 1].removeLast(pieces[whole - 1].count - left)
    }
    self.count = count
  }
}
