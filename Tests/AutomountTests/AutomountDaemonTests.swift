import Automount
import Posix
import TestSupport
import Testing

@Suite struct AutomountDaemonTests {
  /// A user's process may call itself anything, and must not get root's signals.
  @Test(arguments: [("0", true), ("1234", false)])
  func onlyRootsAutomountersCount(user: String, isOne: Bool) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "chmod 755 .; cp \"$(command -v sleep)\" automount"], in: folder.root)
    let daemon = try Daemon(
      ["setpriv", "--reuid=\(user)", "--clear-groups", folder.path("automount"), "600"],
      log: folder.path("log"))
    #expect(
      eventually {
        (try? SmallFile.read(HostPath("/proc/\(daemon.process)/comm"), limit: 99))
          == Array("automount\n".utf8)
      })
    #expect(AutomountDaemon.all.contains { $0.process == daemon.process } == isOne)
  }
}
