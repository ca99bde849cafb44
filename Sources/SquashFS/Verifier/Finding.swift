/// Something wrong or odd about an image.
public struct Finding: Sendable {
  /// The severity; the worst is the greatest.
  public enum Severity: String, Sendable, Comparable {
    /// Nothing is wrong.
    case note
    /// Odd, but everything is readable.
    case warning
    /// The image is damaged, or Linux will not mount it.
    case error
    /// Reading failed, or a library is too old: nothing is known.
    case unreadable

    private var rank: Int {
      switch self {
      case .note: 0
      case .warning: 1
      case .error: 2
      case .unreadable: 3
      }
    }
    /// Whether the first is less severe.
    public static func < (first: Severity, second: Severity) -> Bool { first.rank < second.rank }
  }

  /// The subject.
  public enum Kind: String, Sendable, CaseIterable {
    case superblock
    /// The file is shorter than the image.
    case truncated
    /// The file does not end with a whole block as the kernel reads it.
    case padding
    /// Bytes after the image's end.
    case trailing
    /// Something in the superblock's flags.
    case flags
    /// A requirement on the kernel that mounts the image.
    case kernel
    /// The places of tables.
    case layout
    case idTable = "id-table"
    case fragmentTable = "fragment-table"
    case exportTable = "export-table"
    case xattrTable = "xattr-table"
    case inode
    case directory
    case directoryIndex = "directory-index"
    case name
    /// A directory occurs twice in the tree.
    case cycle
    /// An inode without a name.
    case orphan
    case links
    /// A data block or a fragment block.
    case block
    /// The end of a file in a fragment.
    case tail
    /// The number of bytes in holes.
    case sparse
    /// Two things at the same place.
    case overlap
    /// Bytes that belong to nothing.
    case gap
    /// The image differs from its source or its manifest.
    case difference
  }

  /// The severity.
  public var severity: Severity
  /// The subject.
  public var kind: Kind
  /// The position in the file in bytes, if known.
  public var offset: UInt64?
  /// The affected file in the image, if known.
  public var path: [UInt8]?
  /// The number of further files affected.
  public var otherFiles = 0
  /// What it means for the user.
  public var message: String

  package init(
    _ severity: Severity, _ kind: Kind, offset: UInt64? = nil, path: [UInt8]? = nil,
    _ message: String
  ) {
    self.severity = severity
    self.kind = kind
    self.offset = offset
    self.path = path
    self.message = message
  }
}
