import FileTrees
import Posix
import TreeModel

/// Drops extended attributes not wanted on this machine; for use by one thread.
final class XattrFilter {
  private let policy: XattrPolicy
  private var local = 0

  init(_ policy: XattrPolicy) { self.policy = policy }

  /// The attributes to keep.
  func wanted(_ xattrs: [ExtendedAttribute]) -> [ExtendedAttribute] {
    guard !xattrs.isEmpty else { return xattrs }
    let wanted = xattrs.filter { policy.takes($0.name) }
    if case .usual = policy { local += xattrs.count - wanted.count }
    return wanted
  }

  /// A sentence that counts what was dropped by default.
  var warning: String? {
    guard local > 0 else { return nil }
    return "\(local.counted("machine-specific extended attribute")) left out (such as "
      + "security.selinux); --xattrs all keeps \(local == 1 ? "it" : "them")"
  }
}
