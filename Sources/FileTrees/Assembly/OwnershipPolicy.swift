import Glibc
import TreeModel

/// Who owns the entries of an image: mapped ids get their new number, all others the `owner`.
public struct OwnershipPolicy: Sendable {
  public enum Owner: Sendable, Equatable {
    /// Everything belongs to root, whoever owns it in the source.
    case root
    /// Keeps the numbers of the source.
    case keep
    case fixed(uid: UInt32, gid: UInt32)
  }

  /// Renumbers a range of ids.
  public struct Mapping: Sendable, Equatable {
    public var from: UInt32
    public var to: UInt32
    public var count: UInt32

    /// - Returns: `nil` if a range is empty or goes beyond the largest id.
    public init?(from: UInt32, to: UInt32, count: UInt32 = 1) {
      guard count > 0, UInt32.max - from >= count - 1, UInt32.max - to >= count - 1 else {
        return nil
      }
      self.from = from
      self.to = to
      self.count = count
    }

    func contains(_ id: UInt32) -> Bool { id >= from && id - from < count }
  }

  public var owner = Owner.root
  public var uidMap: [Mapping] = []
  public var gidMap: [Mapping] = []
  /// Whether set-id bits and file capabilities stay when the owner changes.
  public var keepsSetID = false

  public init() {}

  /// Changes the owner and drops what chown(2) drops: the set-user-id bit, the set-group-id bit of
  /// files their group may execute, and file capabilities.
  ///
  /// - Returns: whether something was dropped.
  func apply(
    to attributes: inout Attributes, isRegular: Bool, xattrs: inout [ExtendedAttribute]
  ) -> Bool {
    let before = attributes
    let (uid, gid) =
      switch owner {
      case .root: (UInt32(0), UInt32(0))
      case .fixed(let uid, let gid): (uid, gid)
      case .keep: (before.uid, before.gid)
      }
    attributes.uid = Self.map(before.uid, uidMap) ?? uid
    attributes.gid = Self.map(before.gid, gidMap) ?? gid
    guard isRegular, !keepsSetID, (before.uid, before.gid) != (attributes.uid, attributes.gid)
    else { return false }
    attributes.permissions &= ~UInt16(S_ISUID)
    if attributes.permissions & UInt16(S_IXGRP) != 0 { attributes.permissions &= ~UInt16(S_ISGID) }
    let attributesBefore = xattrs.count
    xattrs.removeAll { $0.name == Self.capability }
    return before.permissions != attributes.permissions || xattrs.count != attributesBefore
  }

  private static let capability = Array("security.capability".utf8)

  /// - Returns: `nil` if no mapping covers the id.
  private static func map(_ id: UInt32, _ mappings: [Mapping]) -> UInt32? {
    for mapping in mappings where mapping.contains(id) {
      return mapping.to + (id - mapping.from)
    }
    return nil
  }
}
