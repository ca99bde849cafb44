import Automount
import Posix

/// The kernels in another system, judged by their module lists.
struct RootKernel {
  let root: SystemRoot
  let configuration: Configuration

  /// /lib may be a link to /usr/lib.
  private static let folders = ["/usr/lib/modules", "/lib/modules"]
  private static let lists = ["modules.builtin", "modules.dep"]
  /// The maximum size of a list in bytes.
  private static let byteLimit = 64 << 20

  /// The modules needed to mount an image.
  private var needed: [String] {
    MapEntry.MountType(configuration) == .loop
      ? ["autofs4", "fuse", "loop", "squashfs"] : ["autofs4", "fuse"]
  }

  func all() throws -> [Checkup] {
    var found: [Checkup] = []
    for folder in Self.folders {
      guard let opened = try? root.openIfThere(HostPath(folder)) else { continue }
      for version in try opened.names().sorted() {
        let place = HostPath(folder).appending(version)
        if let checkup = try kernel(version, place) { found.append(checkup) }
      }
    }
    if found.isEmpty {
      found.append(
        .warn(
          "kernel",
          "it has none; the kernel that starts it needs"
            + " \(needed.joined(separator: ", "))", install))
    }
    return found
  }

  /// - Returns: `nil` for a folder without lists, as a removed kernel leaves behind.
  private func kernel(_ version: Name, _ place: HostPath) throws -> Checkup? {
    let texts = Self.lists.compactMap { name in
      try? root.read(place.appending(Name(unchecked: Array(name.utf8))), limit: Self.byteLimit)
    }
    if texts.isEmpty { return nil }
    let modules = Set(texts.flatMap { Self.modules($0) })
    let missing = needed.filter { !modules.contains(Array($0.utf8)) }
    guard missing.isEmpty else {
      return .fail(
        "kernel", "\(version.escapedName) has no \(missing.joined(separator: ", no "))", install)
    }
    return .ok("kernel", "\(version.escapedName) has \(needed.joined(separator: ", "))")
  }

  /// The names of modules in a list: `kernel/fs/squashfs/squashfs.ko.xz: kernel/...`.
  private static func modules(_ text: [UInt8]) -> [[UInt8]] {
    text.split(separator: UInt8(ascii: "\n")).map { line in
      let path = line.prefix { $0 != UInt8(ascii: ":") }
      return Array(path.lastPathComponent.prefix { $0 != UInt8(ascii: ".") })
    }
  }

  private var install: String {
    "sudo chroot \(root.place("").shellWord) sh -c"
      + " 'apt-get install linux-image-$(dpkg --print-architecture)'"
  }
}
