import Foundation
import Glibc
import Posix

/// A real automounter with its own master map, mount root and settings.
public final class AutofsLab {
  public let folder: TemporaryFolder
  /// The folder with the images.
  public let images: String
  public var mountRoot: String { folder.path("mnt") }
  public var configuration: String { folder.path("autosquash.conf") }
  public private(set) var daemon: Daemon?
  private let browses: Bool
  private let timeout: Int

  /// Starts the automounter.
  ///
  /// - Parameters:
  ///   - images: the folder with the images, or that of a bucket; by default one of the lab's own.
  ///   - timeout: seconds after which images are unmounted.
  ///   - settings: more lines of the configuration.
  ///   - browses: whether the names are listed.
  public init(
    images: String? = nil, timeout: Int = 300, settings: String = "", browses: Bool = false
  ) throws {
    folder = try TemporaryFolder()
    self.images = images ?? folder.path("images")
    try Tool.check(["mkdir", "-p", folder.path("mnt")])
    if !self.images.hasPrefix("s3://") { try Tool.check(["mkdir", "-p", self.images]) }
    // For users other than root.
    try Tool.check(["chmod", "755", folder.root])
    self.browses = browses
    self.timeout = timeout
    try configure(settings)
    // The line that setup would write into /etc.
    try Tool.check(["mkdir", "-p", folder.path("root/etc")])
    try Tool.check(["cp", configuration, folder.path("root/etc/autosquash.conf")])
    try Tool.check([Tool.autosquash, "setup", "--root", folder.path("root")])
    // Except for the map, which is not where that other system would have it.
    try Tool.check(
      [
        "sed", "-i", "s|/usr/libexec/autosquash/autosquash-map|\(Tool.autosquashMap)|",
        folder.path("root/etc/auto.master.d/autosquash.autofs"),
      ])
    try folder.write("auto.master", Array("+dir:\(folder.path("root/etc/auto.master.d"))\n".utf8))
    if browses { try autosquash("refresh") }
    try start()
  }

  deinit {
    stop()
    // Mounts left after a failure.
    let points = mountTable().split(separator: "\n").map { $0.split(separator: " ")[1] }
    for point in points.reversed() where point.hasPrefix(folder.root) {
      let bytes = Array(point.utf8).unescapingOctal
      _ = try? Tool.run(bytes: [Array("umount".utf8), Array("-l".utf8), bytes])
    }
  }

  public func configure(_ settings: String) throws {
    try folder.write(
      "autosquash.conf",
      Array(
        """
        images = \(images)
        mount-root = \(mountRoot)
        state = \(folder.path("state"))
        browse = \(browses ? "yes" : "no")
        timeout = \(timeout)
        \(settings)

        """.utf8))
  }

  /// Starts the automounter, or starts it again.
  public func start() throws {
    daemon = try Daemon(
      [
        "automount", "-f", "--pid-file", folder.path("pid"), folder.path("auto.master"),
      ], log: folder.path("automount.log"), environment: ["AUTOSQUASH_CONFIG": configuration])
    let root = mountRoot
    guard
      eventually({
        let table = mountTable()
        return table.contains(" \(root) autofs ") && table.contains("pgrp=\(daemon!.process),")
      })
    else { throw LabFailure(text: "the automounter does not start: \(log)") }
    // The mount exists a moment before it is served.
    _ = eventually(seconds: 5) { access(root + "/.nothing", F_OK) != 0 && errno == ENOENT }
  }

  /// Ends it as `service autofs stop` does.
  public func stop() {
    daemon?.end(with: SIGTERM)
    daemon = nil
  }

  /// Ends it as a crash does.
  public func crash() {
    daemon?.end(with: SIGKILL)
    daemon = nil
  }

  /// Its log, except for the name that `start` asks for.
  public var log: String {
    ((try? String(contentsOfFile: folder.path("automount.log"), encoding: .utf8)) ?? "")
      .split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.contains("autosquash-map: .nothing: ") }.joined(separator: "\n")
  }

  /// Runs `autosquash` with the lab's settings.
  @discardableResult
  public func autosquash(
    _ arguments: String..., environment: [String: String] = [:]
  ) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash] + arguments,
      environment: environment.merging(["AUTOSQUASH_CONFIG": configuration]) { $1 })
  }

  /// The images mounted now, below the mount root, sorted.
  public var mounted: [[UInt8]] {
    let table = (try? SmallFile.read("/proc/self/mounts", limit: 64 << 20)) ?? []
    let prefix = Array("\(mountRoot)/".utf8)
    return table.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count > 2,
        ["squashfs", "fuse.autosquash"].contains(String(decoding: fields[2], as: UTF8.self))
      else { return nil }
      let point = Array(fields[1]).unescapingOctal
      return point.starts(with: prefix) ? Array(point.dropFirst(prefix.count)) : nil
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The number of loop devices with one of the lab's images.
  public func loopDevices() throws -> Int {
    try Tool.check(["losetup", "--list", "--noheadings", "--raw", "--output", "BACK-FILE"]).text
      .split(separator: "\n").count { $0.hasPrefix(images) }
  }

  /// Opens a name under the mount root as users do.
  ///
  /// - Returns: the `errno`, or 0 if the directory can be listed.
  public func access(_ name: [UInt8]) -> Int32 {
    let path = Array("\(mountRoot)/".utf8) + name
    guard let stream = path.withCPath({ opendir($0) }) else { return errno }
    defer { closedir(stream) }
    errno = 0
    return readdir(stream) != nil ? 0 : errno
  }

  public func access(_ name: String) -> Int32 { access(Array(name.utf8)) }

  private func access(_ path: String, _ mode: Int32) -> Int32 { Glibc.access(path, mode) }

  /// Puts a small image into the folder; its file `id` holds the text.
  public func add(_ name: [UInt8], id: String) throws {
    let work = try TemporaryFolder()
    try Tool.check(["mkdir", work.path("tree")])
    try work.write("tree/id", Array(id.utf8))
    try Tool.check([Tool.autosquash, "pack", "tree", "-o", "i.squash", "-q"], in: work.root)
    let path = Array("\(images)/".utf8) + name + Array(".squash".utf8)
    if let slash = path.lastIndex(of: UInt8(ascii: "/")) {
      _ = try Tool.run(bytes: [Array("mkdir".utf8), Array("-p".utf8), Array(path[..<slash])])
    }
    let moved = try Tool.run(
      bytes: ["mv", "--", work.path("i.squash")].map { Array($0.utf8) } + [path])
    guard moved.status == 0 else { throw LabFailure(text: moved.summary) }
  }

  /// The text in a small image's file.
  public func id(_ name: [UInt8]) -> String? {
    let path = HostPath(Array("\(mountRoot)/".utf8) + name + Array("/id".utf8))
    return (try? SmallFile.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// A failure of the lab itself.
public struct LabFailure: Error, CustomStringConvertible {
  public var text: String
  public var description: String { text }
}

extension [UInt8] {
  /// Decodes the three octal digits in a mount table.
  var unescapingOctal: [UInt8] {
    var bytes: [UInt8] = []
    var rest = self[...]
    while let byte = rest.first {
      if byte == UInt8(ascii: "\\"),
        let value = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(4)
      } else {
        bytes.append(byte)
        rest = rest.dropFirst()
      }
    }
    return bytes
  }
}
