import Foundation
import Synchronization
import TestSupport
import Testing

/// Images mounted by the program itself, compared with the kernel's own mounts of them.
@Suite(.enabled(if: SystemTests.canMount)) enum OwnMountSystemTests {
  /// A tree with one of everything, as an image.
  static let sample = Result { try MountSample() }

  /// Compares two mounts with the script beside this file.
  static func compare(_ words: String...) throws -> Tool.Result {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("compare.py").path
    return try Tool.run(["python3", script] + words)
  }
}

/// The tree of `MountedImageTests`, and images of it.
final class MountSample: Sendable {
  let folder: TemporaryFolder
  private let lock = Mutex(())

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["chmod", "755", folder.root])
    try Tool.check(["mkdir", folder.path("tree")])
    try MountedImageTests.makeTree(in: folder.path("tree"))
  }

  /// An image made with these options.
  func image(_ options: [String] = ["--compression", "zstd"]) throws -> String {
    let name = "tree\(options.joined()).squash"
    try lock.withLock { _ in
      if folder.exists(name) { return }
      try Tool.check(
        [Tool.autosquash, "pack", "tree", "-q", "--ownership", "keep", "-o", name] + options,
        in: folder.root)
    }
    return folder.path(name)
  }

  static func shared() throws -> MountSample { try OwnMountSystemTests.sample.get() }
}
