public import ArgumentParser
public import FileTrees

struct OwnershipOptions: ParsableArguments {
  @Option(
    help: "root: root owns everything; keep: the source's numbers; UID:GID: these own everything.")
  var ownership = OwnershipPolicy.Owner.root

  @Option(
    help: ArgumentHelp(
      "Give users these numbers; --ownership (root) applies to all others.",
      valueName: "from:to[:count]"))
  var uidMap: [OwnershipPolicy.Mapping] = []

  @Option(help: ArgumentHelp("The same for groups.", valueName: "from:to[:count]"))
  var gidMap: [OwnershipPolicy.Mapping] = []

  @Flag(
    name: .customLong("keep-setid"),
    help: "Keep set-id bits and capabilities of files whose owner changes.")
  var keepSetID = false

  func policy() -> OwnershipPolicy {
    var policy = OwnershipPolicy()
    policy.owner = ownership
    policy.keepsSetID = keepSetID
    policy.uidMap = uidMap
    policy.gidMap = gidMap
    return policy
  }
}

extension OwnershipPolicy.Owner: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "root": self = .root
    case "keep": self = .keep
    default:
      let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]) else {
        return nil
      }
      self = .fixed(uid: uid, gid: gid)
    }
  }

  public var defaultValueDescription: String { self == .root ? "root" : "\(self)" }
}

extension OwnershipPolicy.Mapping: ExpressibleByArgument {
  public init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    guard (2...3).contains(parts.count), let from = parts[0], let to = parts[1],
      let count = parts.count == 3 ? parts[2] : 1
    else { return nil }
    self.init(from: from, to: to, count: count)
  }
}
