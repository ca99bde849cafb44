import CLinux
import Glibc
package import Posix

/// What the processes of a mount keep of their rights.
package enum Privileges {
  /// Linux's user and group for those who own nothing.
  private static let nobody: uid_t = 65_534

  /// CAP_DAC_READ_SEARCH, CAP_KILL and CAP_SYS_ADMIN of linux/capability.h: to reach a folder, to
  /// stop the server, and to unmount.
  private static let toUnmount: UInt64 = 1 << 2 | 1 << 5 | 1 << 21

  /// CAP_DAC_READ_SEARCH.
  private static let toRead: UInt64 = 1 << 2

  /// CAP_SETGID and CAP_SETUID.
  private static let toChangeUser: UInt64 = 1 << 6 | 1 << 7

  /// What no thread of the process that answers requests may get back. Each thread has its own rights,
  /// so this comes before all but the first.
  package static func forbidMore() throws(SystemError) {
    // For others, fusermount3 needs its own rights.
    guard geteuid() == 0 else { return }
    try check("give up rights", clinux_keep_capabilities(.max))
    try check("give up rights", clinux_forbid_new_rights())
  }

  /// Those of the process that answers requests: an image may be hostile. A superuser becomes nobody.
  package static func reduceToServing() throws(SystemError) {
    if geteuid() == 0 {
      try check("give up rights", clinux_keep_capabilities(toChangeUser))
      try check("give up groups", setgroups(0, nil))
      try check("give up the group", setresgid(nobody, nobody, nobody))
      try check("give up the user", setresuid(nobody, nobody, nobody))
    }
    try check("give up rights", clinux_keep_capabilities(0))
    try check("give up rights", clinux_forbid_new_rights())
    // After the change of user, which sets it anew.
    try check("forbid inspection", clinux_forbid_inspection())
  }

  /// Those of the process that unmounts when the other one has ended.
  package static func reduceToUnmounting() throws(SystemError) {
    try check("forbid inspection", clinux_forbid_inspection())
    // For others, fusermount3 needs its own rights.
    guard geteuid() == 0 else { return }
    try check("give up rights", clinux_keep_capabilities(toUnmount))
    try check("give up rights", clinux_forbid_new_rights())
  }

  /// Those of a process that reads a secret for the one that answers requests; after `reduceToUnmounting`.
  static func reduceToReading() throws(SystemError) {
    try check("give up rights", clinux_keep_capabilities(toRead))
  }

  private static func check(_ action: String, _ result: Int32) throws(SystemError) {
    if result != 0 { throw SystemError(action) }
  }
}
