import Foundation
import Glibc
import Posix
import Testing

/// The requirements of system tests: root, the kernel's squashfs and loop devices, FUSE.
public enum SystemTests {
  /// Whether mounting is possible here. Under CI it must be: a test that cannot run fails there.
  public static let canMount: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    let systems = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return geteuid() == 0 && systems.contains("squashfs")
  }()
}

/// Mounts an image on a folder while `body` runs.
public func withMount<R>(
  of image: String, type: MountType = .kernel, _ body: (String) throws -> R
) throws -> R {
  let folder = try TemporaryFolder()
  switch type {
  case .kernel: try Tool.check(["mount", "-t", "squashfs", "-o", "loop,ro", image, folder.root])
  case .squashfuse: try Tool.check(["squashfuse", image, folder.root])
  }
  defer { _ = try? Tool.run(["umount", "-l", folder.root]) }
  return try body(folder.root)
}

/// The kernel's table of mounts, a line each. Names in it need not be UTF-8: one that is not, of a
/// test that runs beside, must not hide the others.
public func mountTable() -> String {
  String(decoding: (try? SmallFile.read("/proc/self/mounts", limit: 64 << 20)) ?? [], as: UTF8.self)
}

public enum MountType: Sendable {
  case kernel
  case squashfuse
}
