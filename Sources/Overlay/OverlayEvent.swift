/// What happened at one path, or would happen.
public enum OverlayEvent: Equatable, Sendable {
  /// A new link was made.
  case linked
  /// The right link exists already.
  case right
  /// A link to another place in the overlay was corrected.
  case corrected(from: [UInt8])
  /// A link to the overlay's earlier location was updated.
  case moved(from: [UInt8])
  /// A file was replaced by a link.
  case replaced(size: UInt64, by: UInt64)
  /// A directory was made.
  case madeDirectory
  /// Something is in the way, and was left alone.
  case conflict(String)
  /// A link was removed because the overlay no longer has the file.
  case pruned(target: [UInt8])
  /// A link was removed, as all are.
  case unlinked(target: [UInt8])
  /// An empty directory that was made for links was removed.
  case removedDirectory

  /// The name for programs.
  public var name: String {
    switch self {
    case .linked: "linked"
    case .right: "right"
    case .corrected: "corrected"
    case .moved: "moved"
    case .replaced: "replaced"
    case .madeDirectory: "made-directory"
    case .conflict: "conflict"
    case .pruned: "pruned"
    case .unlinked: "unlinked"
    case .removedDirectory: "removed-directory"
    }
  }
}

/// The number of paths with each outcome.
public struct OverlayCounts: Equatable, Sendable {
  public private(set) var linked = 0
  public private(set) var right = 0
  public private(set) var corrected = 0
  public private(set) var moved = 0
  public private(set) var replaced = 0
  public private(set) var madeDirectories = 0
  public private(set) var conflicts = 0
  public private(set) var pruned = 0
  public private(set) var unlinked = 0
  public private(set) var removedDirectories = 0

  public init() {}

  public mutating func count(_ event: OverlayEvent) {
    switch event {
    case .linked: linked += 1
    case .right: right += 1
    case .corrected: corrected += 1
    case .moved: moved += 1
    case .replaced: replaced += 1
    case .madeDirectory: madeDirectories += 1
    case .conflict: conflicts += 1
    case .pruned: pruned += 1
    case .unlinked: unlinked += 1
    case .removedDirectory: removedDirectories += 1
    }
  }

  /// Whether anything changed, or would change.
  public var hasChanges: Bool {
    linked + corrected + moved + replaced + madeDirectories + pruned + unlinked
      + removedDirectories > 0
  }
}
