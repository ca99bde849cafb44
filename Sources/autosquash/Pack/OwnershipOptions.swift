import ArgumentParser
import FileTrees

struct OwnershipOptions: ParsableArguments {
  @Option(
    help: "root: all belongs to root; keep: the numbers of the source; UID:GID: all to these.")
  var ownership: String?

  @Option(
    help: ArgumentHelp(
      "Give users these numbers; all others get what --ownership says (root).",
      valueName: "from:to[:count]"))
  var uidMap: [String] = []

  @Option(help: ArgumentHelp("The same for groups.", valueName: "from:to[:count]"))
  var gidMap: [String] = []

  @Flag(
    name: .customLong("keep-setid"),
    help: "Keep set-id bits and capabilities of files whose owner changes.")
  var keepSetID = false

  func policy() throws -> OwnershipPolicy {
    var policy = OwnershipPolicy()
    policy.keepsSetID = keepSetID
    policy.uidMap = try uidMap.map { try Self.mapping($0, "--uid-map") }
    policy.gidMap = try gidMap.map { try Self.mapping($0, "--gid-map") }
    switch ownership ?? "root" {
    case "root": policy.owner = .root
    case "keep": policy.owner = .keep
    case let text:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]) else {
        throw ValidationError("'\(text)' is no --ownership; give root, keep or UID:GID in numbers.")
      }
      policy.owner = .fixed(uid: uid, gid: gid)
    }
    return policy
  }

  private static func mapping(_ text: String, _ option: String) throws -> OwnershipPolicy.Mapping {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    guard (2...3).contains(parts.count), let from = parts[0], let to = parts[1],
      let count = parts.count == 3 ? parts[2] : 1,
      let mapping = OwnershipPolicy.Mapping(from: from, to: to, count: count)
    else {
      throw ValidationError("'\(text)' is no \(option); give FROM:TO or FROM:TO:COUNT in numbers.")
    }
    return mapping
  }
}
