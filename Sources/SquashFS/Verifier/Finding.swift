/// Something that is wrong, or odd, about an image.
public struct Finding: Sendable {
  /// How bad it is; the worst is the greatest.
  public enum Severity: String, Sendable, Comparable {
    /// Nothing is wrong.
    case note
    /// Odd, but everything can be read.
    case warning
    /// The image is damaged, or Linux will not mount it.
    case error
    /// The system did not let us read, or a library is too old: nothing is known.
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

  /// What it is about.
  public enum Kind: String, Sendable, CaseIterable {
    case superblock
    /// The file is shorter than the image.
    case truncated
    /// The file does not end with a whole block of the kernel's.
    case padding
    /// Bytes after the image's end.
    case trailing
    /// Something in the superblock's flags.
    case flags
    /// What a kernel needs to mount the image.
    case kernel
    /// Where tables lie.
    case layout
    case idTable = "id-table"
    case fragmentTable = "fragment-table"
    case exportTable = "export-table"
    case xattrTable = "xattr-table"
    case inode
    case directory
    case directoryIndex = "directory-index"
    case name
    /// A directory that is in the tree twice.
    case cycle
    /// An inode that no name leads to.
    case orphan
    case links
    /// A data block or a fragment block.
    case block
    /// The end of a file in a fragment.
    case tail
    /// The number of bytes in holes.
    case sparse
    /// Two things in one place.
    case overlap
    /// Bytes that belong to nothing.
    case gap
    /// The image differs from its source or its manifest.
    case difference
  }

  /// How bad it is.
  public var severity: Severity
  /// What it is about.
  public var kind: Kind
  /// The position in the file in bytes, where known.
  public var offset: UInt64?
  /// The file in the image that is affected, where known.
  public var path: [UInt8]?
  /// How many further files are affected.
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
