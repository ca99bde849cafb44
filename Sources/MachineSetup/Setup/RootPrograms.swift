import Automount
import Glibc
import Posix

/// The programs a system needs to mount images, judged by its files; runs none of them.
struct RootPrograms {
  let root: SystemRoot
  /// The location of our own programs in it.
  let programs: Installation
  let configuration: Configuration

  private static let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin"]

  /// Whether this program mounts the images.
  private var mountsItself: Bool { MapEntry.MountType(configuration) == .autosquash }

  /// The programs needed by the files setup writes.
  func forSetup() throws -> [Checkup] {
    if root.isRunning {
      return try [map(), automounter()]
        + (mountsItself ? MountCheckup(configuration: configuration).all() : [])
    }
    return try own() + [automounter()] + (mountsItself ? forMounting() : [])
      + (configuration.images.bucket == nil ? [bucket()] : [])
  }

  /// All of them.
  ///
  /// - Parameter mountsBucket: whether s3fs will mount the bucket.
  func all(mountsBucket: Bool) throws -> [Checkup] {
    try own() + [automounter(), mount()] + (mountsItself ? forMounting() : [])
      + (mountsBucket ? [bucket(), fuse()] : [])
  }

  /// This program and its map.
  private func own() throws -> [Checkup] {
    guard try has([programs.program]) else {
      return [
        .fail(
          "program", "\(shown(programs.program)) is missing, but setup's files name it",
          package)
      ]
    }
    return [.ok("program", "\(shown(programs.program)) is there"), try map()]
  }

  private func map() throws -> Checkup {
    guard try has([programs.map]) else {
      return .fail(
        "map", "\(shown(programs.map)) is missing",
        root.isRunning ? "install autosquash-map there" : package)
    }
    return .ok("map", "\(shown(programs.map)) is there")
  }

  private func automounter() throws -> Checkup {
    try program("automount", of: "autofs", topic: "autofs", "the automounter")
  }

  private func bucket() throws -> Checkup {
    try program("s3fs", of: "s3fs", topic: "s3fs", "which mounts the bucket")
  }

  private func mount() throws -> Checkup {
    try program("mount", of: "mount", topic: "mount", "which the automounter runs")
  }

  /// The program that mount(8) runs for a line of fstab.
  private func fuse() throws -> Checkup {
    try program(
      "mount.fuse", or: "mount.fuse.s3fs", of: "fuse3", topic: "fuse",
      "which mount(8) runs for s3fs")
  }

  // MARK: For mounts by this program

  private func forMounting() throws -> [Checkup] {
    var found = [
      try helper(),
      try library(
        ["libfuse3.so.4", "libfuse3.so.3"], of: "fuse3", "libfuse 3", "which mounts the images"),
    ]
    if configuration.images.bucket != nil {
      found.append(
        try library(["libcurl.so.4"], of: "libcurl4", "libcurl", "which reads the bucket"))
    }
    return found
  }

  private func helper() throws -> Checkup {
    let places = ["/usr/sbin/mount.autosquash", "/sbin/mount.autosquash"].map { HostPath($0) }
    guard let place = try root.firstFound(of: places) else {
      return .fail(
        "mount", "\(shown(places[0])), which mount(8) runs for an image, is missing", package)
    }
    return .ok("mount", "\(shown(place)) is there")
  }

  /// - Parameter names: of the file; any of them will do.
  private func library(
    _ names: [String], of package: String, _ name: String, _ purpose: String
  ) throws -> Checkup {
    let topic = name.prefix { $0 != " " }
    // Debian's folders are called after the machine: x86_64-linux-gnu.
    let folder = HostPath("/usr/lib")
    let machines = (try root.openIfThere(folder)?.names() ?? [])
      .filter { String(decoding: $0.bytes, as: UTF8.self).contains("-linux-") }
      .map { folder.appending($0) }
    let places = (machines + [folder, "/usr/lib64", "/usr/local/lib"]).flatMap { folder in
      names.map { folder.appending(Name(unchecked: Array($0.utf8))) }
    }
    if let place = try root.firstFound(of: places) {
      return .ok(String(topic), "\(shown(place)) is there")
    }
    return .fail(String(topic), "\(name), \(purpose), is not installed\(inRoot)", install(package))
  }

  // MARK: Finding and installing

  private func program(
    _ name: String, or other: String? = nil, of package: String, topic: String, _ purpose: String
  ) throws -> Checkup {
    let names = [name] + (other.map { [$0] } ?? [])
    let places = names.flatMap { name in Self.folders.map { HostPath("\($0)/\(name)") } }
    if let place = try root.firstFound(of: places) {
      return .ok(topic, "\(shown(place)) is there")
    }
    return .fail(topic, "\(name), \(purpose), is not installed\(inRoot)", install(package))
  }

  private var inRoot: String { root.isRunning ? "" : " in \(folder)" }

  private func install(_ package: String) -> String {
    "sudo \(root.isRunning ? "" : "chroot \(folder) ")apt-get install \(package)"
  }

  /// The command that installs this program's package and its dependencies.
  private var package: String {
    "sudo cp autosquash_*.deb \(root.place("/tmp/autosquash.deb").shellWord) && "
      + "sudo chroot \(folder) apt-get install /tmp/autosquash.deb"
  }

  private func has(_ places: [HostPath]) throws -> Bool { try root.firstFound(of: places) != nil }

  private func shown(_ path: HostPath) -> String { root.place(path).escapedName }

  /// The system's directory, quoted for a command.
  private var folder: String { root.place("").shellWord }
}
