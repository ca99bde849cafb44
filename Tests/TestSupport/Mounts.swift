import Foundation
import Glibc
import Testing

/// What system tests need: root, the kernel's squashfs and loop devices, FUSE.
public enum SystemTests {
  /// Whether mounts can be made here. Under CI they must be: there a test that cannot run fails.
  public static let canMount: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    let systems = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return geteuid() == 0 && systems.contains("squashfs")
  }()
}

/// An image mounted on a folder while `body` runs.
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

public enum MountType: Sendable {
  case kernel
  case squashfuse
}
