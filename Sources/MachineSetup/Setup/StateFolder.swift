import Automount
import Glibc
import Posix

/// The folder for what this program keeps: lists for autofs, a lock, the kernel's configuration.
struct StateFolder {
  private let folder: Folder
  /// Where the lists are.
  let maps: Folder

  private static let mapsName: Name = "maps"
  private static let lockName: Name = "refresh.lock"

  /// The folder of the lists, as a path of the system.
  static func maps(_ configuration: Configuration) -> HostPath {
    configuration.state.appending(mapsName)
  }

  /// The map of the mount root, likewise.
  static func topMap(_ configuration: Configuration) -> HostPath {
    maps(configuration).appending(FileMaps.top)
  }

  /// Opens it, made where it is missing.
  ///
  /// - Throws: in the running system also where users can change what is in it: what autofs reads
  ///   there it mounts as root.
  init(_ configuration: Configuration, in root: SystemRoot) throws {
    let path = Self.maps(configuration)
    if root.isRunning {
      try Self.check(configuration)
      // What was not there may be somebody's by now.
      _ = try root.open(path, makesMissing: true)
      try Self.check(configuration)
    }
    folder = try root.open(configuration.state, makesMissing: true)
    try folder.makeFolder(Self.mapsName)
    maps = try folder.open(Self.mapsName)
  }

  /// Makes sure that no user can change what autofs reads in the running system.
  static func check(_ configuration: Configuration) throws(PrivatePath.Problem) {
    try PrivatePath.check(configuration.state)
    try PrivatePath.check(maps(configuration))
  }

  /// Keeps other runs off.
  func lock() throws -> FileLock { try FileLock(Self.lockName, in: folder, waits: true) }

  /// The map cannot unpack what some kernels have instead of a file in /boot.
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
    let name = Name(unchecked: places.last!.lastComponent)
    try SmallFile.write(
      Self.kernelTitle + lines.joined(separator: [0x0a]) + [0x0a], to: name, in: folder,
      mode: 0o644)
  }

  private static let packed = "/proc/config.gz"
  private static let kernelTitle = Array("# From \(packed), for autosquash-map.\n".utf8)

  /// Removes what this program has made in it, told by what it holds, and then the folder if it is
  /// empty: settings in another system can name any folder of it.
  static func remove(_ configuration: Configuration, from root: SystemRoot) throws {
    guard let folder = try root.openIfThere(configuration.state) else { return }
    var hasRemoved = false
    // As long as links are remembered, so is the overlay.
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

  /// Whether a file is a lock or a kernel's configuration of this program.
  private static func isOurs(_ name: Name, in folder: Folder) -> Bool {
    if name == lockName || name == OverlayRun.lockName {
      return (try? SmallFile.read(name, in: folder, limit: 0, followsLinks: false)) != nil
    }
    return name.bytes.starts(with: KernelSupport.ownPrefix)
      && (try? SmallFile.read(name, in: folder, limit: 4 << 20, followsLinks: false))?
        .starts(with: kernelTitle) == true
  }
}
