/// What was done at one path, or would be.
public enum OverlayEvent: Equatable, Sendable {
  /// A link was put where nothing was.
  case linked
  /// The link is there already.
  case right
  /// A link to another place in the overlay was corrected.
  case corrected(from: [UInt8])
  /// A link of when the overlay was elsewhere was led to where it is.
  case moved(from: [UInt8])
  /// A file was replaced by a link.
  case replaced(size: UInt64, by: UInt64)
  /// A directory was made.
  case madeDirectory
  /// Something is in the way, and was left as it is.
  case conflict(String)
  /// A link was removed: the overlay has no such file any more.
  case pruned(target: [UInt8])
  /// A link was removed, as all were to be.
  case unlinked(target: [UInt8])
  /// A directory was removed that had been made for links, and is empty.
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

/// How many paths came to what.
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

  /// Whether anything was changed, or would be.
  public var hasChanges: Bool {
    linked + corrected + moved + replaced + madeDirectories + pruned + unlinked
      + removedDirectories > 0
  }
}
