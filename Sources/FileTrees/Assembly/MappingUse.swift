import Posix

/// Owner mappings that match nothing in a source.
struct MappingUse {
  private var users: [OwnershipPolicy.Mapping]
  private var groups: [OwnershipPolicy.Mapping]

  init(_ policy: OwnershipPolicy) {
    users = policy.uidMap
    groups = policy.gidMap
  }

  /// Notes which of them match an entry.
  mutating func note(uid: UInt32, gid: UInt32) {
    if !users.isEmpty { users.removeAll { $0.contains(uid) } }
    if !groups.isEmpty { groups.removeAll { $0.contains(gid) } }
  }

  /// Adds what the same mappings matched in another source of the image.
  mutating func add(_ other: MappingUse) {
    users.removeAll { !other.users.contains($0) }
    groups.removeAll { !other.groups.contains($0) }
  }

  /// A sentence for each.
  var warnings: [String] {
    users.map { "--uid-map \($0.text) matches no user of the source" }
      + groups.map { "--gid-map \($0.text) matches no group of the source" }
  }
}

extension OwnershipPolicy.Mapping {
  fileprivate var text: String { "\(from):\(to)" + (count == 1 ? "" : ":\(count)") }
}
