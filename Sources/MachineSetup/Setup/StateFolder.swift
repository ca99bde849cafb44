import Automount
import Glibc
import Posix

/// The folder for this program's own data: lists for autofs, a lock, the kernel's configuration.
struct StateFolder {
  private let folder: Folder
  /// The folder of the lists.
  let maps: Folder

  private static let mapsName = FileMaps.folder
  private static let lockName: Name = "refresh.lock"

  /// The folder of the lists, as a path of the system.
  static func maps(_ configuration: Configuration) -> HostPath {
    configuration.state.appending(mapsName)
  }

  /// The map of the mount root, also as a path of the system.
  static func topMap(_ configuration: Configuration) -> HostPath {
    maps(configuration).appending(FileMaps.top)
  }

  /// Opens it, creating it if missing.
  ///
  /// - Throws: in the running system, also if users can change its contents: autofs mounts as root
  ///   what it reads there.
  init(_ configuration: Configuration, in root: SystemRoot) throws {
    let path = Self.maps(configuration)
    if root.isRunning {
      try Self.check(configuration)
      // A missing folder may be somebody else's by now.
      _ = try root.open(path, makesMissing: true)
      try Self.check(configuration)
    }
    folder = try root.open(configuration.state, makesMissing: true)
    try folder.makeFolder(Self.mapsName)
    maps = try folder.open(Self.mapsName)
  }

  /// Makes sure that no user can change what autofs reads on the running system.
  static func check(_ configuration: Configuration) throws(PrivatePath.Problem) {
    try PrivatePath.check(configuration.state)
    try PrivatePath.check(maps(configuration))
  }

  /// Keeps other runs out.
  func lock() throws -> FileLock { try FileLock(Self.lockName, in: folder, waits: true) }

  /// The map cannot decompress what some kernels have instead of a file in /boot.
  func copyKernelConfiguration() throws {
    let places = KernelSupport.configurationPaths(state: folder.path)
    guard access(Self.packed, R_OK) == 0,
      !places.contains(where: { $0.withCPath { access($0, R_OK) } == 0 })
    else { return }
    let result = try ChildProcess.run(["gzip", "-dc", Self.packed])
    guard result.status == 0 else { return }
    let lines = result.output.split(separator: UInt8(ascii: "\n")).filter {
      String(decoding: $0, as: UTF8.self).contains("SQUASHFS")
    }
    let name = Name(unchecked: Array(places.last!.lastPathComponent))
    try SmallFile.write(
      Self.kernelTitle + lines.joined(separator: [0x0a]) + [0x0a], to: name, in: folder,
      mode: 0o644)
  }

  private static let packed = "/proc/config.gz"
  private static let kernelTitle = Array("# From \(packed), for autosquash-map.\n".utf8)

  /// Removes this program's own files in it, recognized by content, and then the folder if empty:
  /// settings in another system can name any of its folders.
  static func remove(_ configuration: Configuration, from root: SystemRoot) throws {
    guard let folder = try root.openIfThere(configuration.state) else { return }
    var hasRemoved = false
    // As long as we remember links, we remember the overlay.
    let hasLinks = try folder.look("overlay") != nil
    for name in try folder.names()
    where isOurs(name, in: folder) && !(hasLinks && name == OverlayRun.lockName) {
      try folder.remove(name)
      hasRemoved = true
    }
    if try folder.look(mapsName) != nil, try FileMaps.remove(from: folder.open(mapsName)) {
      hasRemoved = true
    }
    guard hasRemoved else { return }
    folder.removeFolder(mapsName)
    try root.removeFolderIfEmpty(configuration.state)
  }

  /// Whether a file is a lock or a kernel's configuration, left by this program.
  private static func isOurs(_ name: Name, in folder: Folder) -> Bool {
    if name == lockName || name == OverlayRun.lockName {
      return (try? SmallFile.read(name, in: folder, limit: 0, followsLinks: false)) != nil
    }
    return name.bytes.starts(with: KernelSupport.ownPrefix)
      && (try? SmallFile.read(name, in: folder, limit: 4 << 20, followsLinks: false))?
        .starts(with: kernelTitle) == true
  }
}
