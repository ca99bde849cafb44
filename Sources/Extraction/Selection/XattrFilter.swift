internal import FileTrees
internal import Posix
internal import TreeModel

/// Leaves out extended attributes that are not wanted on this machine; one thread uses it.
final class XattrFilter {
  private let policy: XattrPolicy
  private var local = 0

  init(_ policy: XattrPolicy) { self.policy = policy }

  /// Those that stay.
  func wanted(_ xattrs: [ExtendedAttribute]) -> [ExtendedAttribute] {
    guard !xattrs.isEmpty else { return xattrs }
    let wanted = xattrs.filter { policy.takes($0.name) }
    if case .usual = policy { local += xattrs.count - wanted.count }
    return wanted
  }

  /// A sentence that counts what was left out without being told to.
  var warning: String? {
    guard local > 0 else { return nil }
    return "\(local.counted("extended attribute")) of another machine left out (such as "
      + "security.selinux); --xattrs all takes \(local == 1 ? "it" : "them")"
  }
}
