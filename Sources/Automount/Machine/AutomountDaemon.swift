public import Glibc
public import Posix

/// The automounter that serves a mount root.
public struct AutomountDaemon: Equatable, Sendable {
  public let process: pid_t

  /// Finds it through the mount, which names the daemon's process group.
  ///
  /// - Returns: `nil` if autofs has mounted nothing there, or its daemon is gone.
  public init?(serving mountRoot: HostPath, in table: MountTable) {
    guard let mount = table.mount(at: mountRoot), mount.type == "autofs",
      let group = mount.options.compactMap({ option in
        option.hasPrefix("pgrp=") ? pid_t(option.dropFirst(5)) : nil
      }).first, group > 1
    else { return nil }
    // Another process may have reused the number.
    guard Self.isAutomounter(group) else { return nil }
    process = group
  }

  private init(process: pid_t) { self.process = process }

  /// All automounters on this machine.
  public static var all: [AutomountDaemon] {
    guard var entries = try? DirectoryStream(at: "/proc") else { return [] }
    var found: [AutomountDaemon] = []
    while let entry = try? entries.next() {
      if let process = pid_t(String(decoding: entry.name.bytes, as: UTF8.self)),
        isAutomounter(process)
      {
        found.append(AutomountDaemon(process: process))
      }
    }
    return found
  }

  private static func isAutomounter(_ process: pid_t) -> Bool {
    // Ignore what another user's process calls itself.
    guard let status = stat(at: HostPath("/proc/\(process)")),
      [0, geteuid()].contains(status.st_uid)
    else {
      return false
    }
    let name = try? SmallFile.read(HostPath("/proc/\(process)/comm"), limit: 4096)
    return name?.elementsEqual("automount\n".utf8) == true
  }

  /// Makes the daemon reread its maps.
  ///
  /// - Throws: `SystemError` if this process lacks permission.
  public func reload() throws(SystemError) {
    guard kill(process, SIGHUP) == 0 else { throw SystemError("reload the automounter") }
  }
}
