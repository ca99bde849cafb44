package import Automount
import CLinux
import Glibc
import Posix

/// The mounting of the bucket again, where its mount is dead, hangs or is not there.
package struct Recovery {
  private let configuration: Configuration
  /// Whether the automounter's lists are brought up to date.
  private let listsImages: Bool
  /// Told what is done.
  private let note: (String) -> Void
  /// Told of images that are left out of the lists.
  private let warn: (_ path: [UInt8], _ text: String) -> Void

  package init(
    configuration: Configuration, listsImages: Bool = true, note: @escaping (String) -> Void,
    warn: @escaping (_ path: [UInt8], _ text: String) -> Void
  ) {
    self.configuration = configuration
    self.listsImages = listsImages
    self.note = note
    self.warn = warn
  }

  /// How the mount is that the images lie on.
  private enum State {
    case answers
    /// No mount of a network is there.
    case absent
    /// The program that served it has ended.
    case dead
    case hangs
  }

  /// A bucket that answers does so at once; a machine that stops should not wait for long.
  private static let releaseTimeout = 5

  /// Sets free what waits for a bucket that does not answer.
  package func release() throws {
    guard let mount = try bucket(),
      try state(of: mount, seconds: min(Self.releaseTimeout, configuration.answerTimeout)) == .hangs
    else { return }
    abort(mount)
    note("\(mount.point.escapedName) does not answer: what waits for it is set free")
  }

  /// Mounts the bucket again, where that is needed.
  package func run() throws {
    let mount = try bucket()
    let before = try state(of: mount, seconds: configuration.answerTimeout)
    switch before {
    case .answers: note("the bucket answers: its mount stays as it is")
    case .absent: try start()
    case .dead, .hangs:
      if let mount {
        if before == .hangs { abort(mount) }
        try detach(mount)
      }
      try start()
    }
    try unmountDeadImages()
    if before != .answers {
      let job = CatalogueJob(configuration)
      let count = try job.catalogue().images.count
      note("the bucket is mounted: \(count.grouped) \(count == 1 ? "image" : "images")")
      if listsImages && configuration.browse { note(try ListRefresh.run(warn: warn)) }
    }
  }

  /// Mounts it again only where its program has ended: what hangs may come back by itself.
  package func recoverDead() throws {
    let mount = try bucket()
    guard let mount, try state(of: mount, seconds: configuration.answerTimeout) == .dead else {
      return
    }
    try detach(mount)
    try start()
    try unmountDeadImages()
  }

  // MARK: The bucket

  /// The mount that the images lie on, where a program serves it.
  private func bucket() throws -> MountTable.Mount? {
    let mount = try MountTable.current().mount(holding: configuration.images)
    return mount.flatMap { $0.type.hasPrefix("fuse") ? $0 : nil }
  }

  /// Where the bucket is, or belongs.
  private var point: HostPath {
    let table = (try? SmallFile.read(MountTable.path, limit: 1 << 20)) ?? []
    return configuration.bucketPoint(
      mounted: (try? .current()) ?? .none, table: MountTable(table: table))
  }

  private func state(of mount: MountTable.Mount?, seconds: Int) throws -> State {
    guard mount != nil else { return .absent }
    let images = configuration.images
    do {
      // A listing is asked of the bucket; what stat says may be remembered.
      _ = try Bucket.ask(images, seconds: seconds) { _ throws(SystemError) in
        var entries = try DirectoryStream(at: images)
        _ = try entries.next()
        return true
      }
      return .answers
    } catch {
      return switch error.code {
      case ETIMEDOUT: .hangs
      case ENOTCONN, ECONNABORTED: .dead
      default: .answers
      }
    }
  }

  /// Ends the connection of the kernel with the program that serves a mount: whatever waits gets an
  /// error. (A forced unmount does that first, and may then find it busy.)
  private func abort(_ mount: MountTable.Mount) {
    let server = BucketServer(of: mount)
    _ = mount.point.withCPath { umount2($0, Int32(MNT_FORCE)) }
    // It waits for the network still, and would have the machine wait for it.
    if let server { kill(server.process, SIGKILL) }
  }

  /// Takes a mount away from its place, though it may be in use.
  private func detach(_ mount: MountTable.Mount) throws {
    while try MountTable.current().mount(at: mount.point)?.type == mount.type {
      let flags = Int32(MNT_DETACH | UMOUNT_NOFOLLOW)
      guard mount.point.withCPath({ umount2($0, flags) }) == 0 else {
        throw SystemError("unmount", path: mount.point)
      }
      note("\(mount.point.escapedName): unmounted, it was dead")
    }
  }

  /// Mounts the bucket as the system's files say.
  private func start() throws {
    let unit = SetupFile.unitName(of: point)
    if try hasUnit(unit) {
      // It makes the directory, and knows options that the mount program does not.
      _ = try ChildProcess.run(["systemctl", "reset-failed", unit])
      try run(["systemctl", "start", unit])
    } else {
      _ = try SystemRoot.running().open(point, makesMissing: true)
      guard try ChildProcess.run([Array("mount".utf8), point.bytes]).status == 0 else {
        throw SetupError(
          path: point,
          text: "cannot be mounted; it needs a line in /etc/fstab, as the README has it")
      }
    }
    let deadline = configuration.answerTimeout
    guard let mount = try bucket(), try state(of: mount, seconds: deadline) == .answers else {
      throw SetupError(
        path: point,
        text: "mounted, but does not answer; 'journalctl -u \(unit)' may say why. It is tried again"
          + " every minute")
    }
  }

  /// Whether systemd has a unit for the mount, from a file or from /etc/fstab.
  private func hasUnit(_ unit: String) throws -> Bool {
    guard access("/run/systemd/system", F_OK) == 0 else { return false }
    try run(["systemctl", "daemon-reload"])
    let state = try ChildProcess.run(["systemctl", "show", "-p", "LoadState", "--value", unit])
    return state.output.elementsEqual("loaded\n".utf8)
  }

  private func run(_ command: [String]) throws {
    guard try ChildProcess.run(command).status == 0 else {
      throw SetupError(path: "", text: "'\(command.joined(separator: " "))' failed")
    }
  }

  // MARK: Images

  /// Unmounts the images whose files are those of a mount that is no more.
  private func unmountDeadImages() throws {
    let table = try MountTable.current()
    let devices = Set(table.mounts.map(\.device))
    for mount in table.mounts.reversed()
    where mount.isImage && mount.point.relative(to: configuration.mountRoot)?.isRoot == false {
      guard Self.isDead(mount.source, devices) else { continue }
      let flags = Int32(MNT_DETACH | UMOUNT_NOFOLLOW)
      guard mount.point.withCPath({ umount2($0, flags) }) == 0 else {
        throw SystemError("unmount", path: mount.point)
      }
      note(
        "\(mount.point.escapedName): unmounted, its bucket was dead; the next use mounts it anew")
    }
  }

  /// Whether a loop device's file was on a mount that is no more.
  ///
  /// - Parameter devices: the file systems that are mounted.
  private static func isDead(_ source: [UInt8], _ devices: Set<String>) -> Bool {
    guard let loop = Descriptor(opening: source, O_RDONLY | O_NONBLOCK) else { return false }
    var number: dev_t = 0
    guard clinux_loop_file_system(loop.number, &number) == 0 else {
      // It asks the file's file system, which a dead one does not answer.
      return [ENOTCONN, ECONNABORTED, EIO].contains(errno)
    }
    return !devices.contains("\(clinux_major(number)):\(clinux_minor(number))")
      && !isThere(source, number)
  }

  /// Whether a loop device's file can be found on its file system: some, as btrfs, have more numbers
  /// than the mount table shows.
  private static func isThere(_ source: [UInt8], _ number: dev_t) -> Bool {
    let place = HostPath("/sys/block").appending(Name(unchecked: Array(source.lastPathComponent)))
      .appending("loop/backing_file" as RelativePath)
    guard let text = try? SmallFile.read(place, limit: 8192), text.last == UInt8(ascii: "\n") else {
      return true  // what is not known is left alone
    }
    return stat(at: Array(text.dropLast()))?.st_dev == number
  }
}
