import SquashFSFormat

/// The number by which the kernel knows an inode of a mounted image. It contains the inode's place
/// in the inode table, so that no table of numbers is needed.
struct NodeNumber: Equatable {
  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The root's number, by FUSE's rules; 0 means none.
  private static let root: UInt64 = 1
  /// That of the place 0.
  private static let first: UInt64 = 2
  /// Places in directories have 48 bits.
  private static let end: UInt64 = 1 << 48

  /// - Parameter root: the place of the image's root, which may be any number.
  /// - Returns: `nil` for a place that no directory entry can name.
  init?(_ reference: MetadataReference, root: MetadataReference) {
    if reference == root {
      rawValue = Self.root
    } else if reference.rawValue < Self.end {
      rawValue = reference.rawValue + Self.first
    } else {
      return nil
    }
  }

  /// The place in the inode table; `nil` for a number never given out.
  func reference(root: MetadataReference) -> MetadataReference? {
    if rawValue == Self.root { return root }
    guard rawValue >= Self.first, rawValue - Self.first < Self.end else { return nil }
    return MetadataReference(rawValue: rawValue - Self.first)
  }
}
