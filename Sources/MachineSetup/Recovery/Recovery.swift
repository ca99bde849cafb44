package import Automount
import CLinux
import Glibc
import Posix

/// Remounts the bucket if its mount is dead, hangs or is missing.
package struct Recovery {
  private let configuration: Configuration
  /// Whether to update the automounter's lists.
  private let listsImages: Bool
  /// Called with what is done.
  private let note: (String) -> Void
  /// Called about images left out of the lists.
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

  /// The state of the mount that holds the images.
  private enum State {
    case answers
    /// No network mount is there.
    case absent
    /// The program serving it has ended.
    case dead
    case hangs
  }

  /// A working bucket responds at once; a machine shutting down should not wait long.
  private static let releaseTimeout = 5

  /// Unblocks everything that waits for an unresponsive bucket.
  package func release() throws {
    guard let mount = try bucket(),
      try state(of: mount, seconds: min(Self.releaseTimeout, configuration.answerTimeout)) == .hangs
    else { return }
    abort(mount)
    note("\(mount.point.escapedName) does not answer; freed the processes that wait for it")
  }

  /// Remounts the bucket if necessary.
  package func run() throws {
    if configuration.images.bucket != nil {
      note("the images are mounted from the bucket itself")
      return try unmountDeadImages()
    }
    let mount = try bucket()
    let before = try state(of: mount, seconds: configuration.answerTimeout)
    switch before {
    case .answers: note("the bucket answers; its mount stays")
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

  /// Remounts it only if its program has ended: a mount that hangs may recover by itself.
  package func recoverDead() throws {
    if configuration.images.bucket != nil { return try unmountDeadImages() }
    let mount = try bucket()
    guard let mount, try state(of: mount, seconds: configuration.answerTimeout) == .dead else {
      return
    }
    try detach(mount)
    try start()
    try unmountDeadImages()
  }

  // MARK: The bucket

  /// The mount that holds the images, if a program serves it.
  private func bucket() throws -> MountTable.Mount? {
    let images = configuration.images.folder
    let mount = try images.flatMap { try MountTable.current().mount(holding: $0) }
    return mount.flatMap { $0.type.hasPrefix("fuse") ? $0 : nil }
  }

  /// Where the bucket is, or should be.
  private var point: HostPath? {
    let table = (try? SmallFile.read(MountTable.path, limit: 1 << 20)) ?? []
    return configuration.bucketPoint(
      mounted: (try? .current()) ?? .none, table: MountTable(table: table))
  }

  private func state(of mount: MountTable.Mount?, seconds: Int) throws -> State {
    guard mount != nil, let images = configuration.images.folder else { return .absent }
    do {
      // A listing has to ask the bucket; stat may answer from memory.
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

  /// Cuts the kernel's connection to the program that serves a mount: whatever waits gets an error.
  /// (A forced unmount starts the same way, but may then find the mount busy.)
  private func abort(_ mount: MountTable.Mount) {
    let server = BucketServer(of: mount)
    _ = mount.point.withCPath { umount2($0, Int32(MNT_FORCE)) }
    // It still waits for the network, and would make the machine wait for it.
    if let server { kill(server.process, SIGKILL) }
  }

  /// Detaches a mount, even one in use.
  private func detach(_ mount: MountTable.Mount) throws {
    while try MountTable.current().mount(at: mount.point)?.type == mount.type {
      let flags = Int32(MNT_DETACH | UMOUNT_NOFOLLOW)
      guard mount.point.withCPath({ umount2($0, flags) }) == 0 else {
        throw SystemError("unmount", path: mount.point)
      }
      note("\(mount.point.escapedName): unmounted, because it was dead")
    }
  }

  /// Mounts the bucket as the system's files specify.
  private func start() throws {
    guard let point else { return }
    let unit = SetupFile.unitName(of: point)
    if try hasUnit(unit) {
      // systemd creates the directory, and knows options that the mount program does not.
      _ = try ChildProcess.run(["systemctl", "reset-failed", unit])
      try run(["systemctl", "start", unit])
    } else {
      _ = try SystemRoot.running().open(point, makesMissing: true)
      guard try ChildProcess.run([Array("mount".utf8), point.bytes]).status == 0 else {
        throw SetupError(
          path: point,
          text:
            "cannot be mounted; it needs a line in /etc/fstab, as in /usr/share/doc/autosquash/examples/fstab"
        )
      }
    }
    let deadline = configuration.answerTimeout
    guard let mount = try bucket(), try state(of: mount, seconds: deadline) == .answers else {
      throw SetupError(
        path: point,
        text: "mounted, but does not answer; 'journalctl -u \(unit)' may say why. The timer"
          + " tries again every minute")
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

  /// Unmounts images whose files were on a mount that is gone.
  private func unmountDeadImages() throws {
    let table = try MountTable.current()
    let devices = Set(table.mounts.map(\.device))
    for mount in table.mounts.reversed()
    where mount.isImage && mount.point.relative(to: configuration.mountRoot)?.isRoot == false {
      guard
        mount.type == MountTable.Mount.ownType ? mount.isDead : Self.isDead(mount.source, devices)
      else {
        continue
      }
      let flags = Int32(MNT_DETACH | UMOUNT_NOFOLLOW)
      guard mount.point.withCPath({ umount2($0, flags) }) == 0 else {
        throw SystemError("unmount", path: mount.point)
      }
      note(
        "\(mount.point.escapedName): unmounted, because its bucket was dead; the next use mounts it again"
      )
    }
  }

  /// Whether a loop device's file was on a mount that is gone.
  ///
  /// - Parameter devices: the mounted file systems.
  private static func isDead(_ source: [UInt8], _ devices: Set<String>) -> Bool {
    guard let loop = Descriptor(opening: source, O_RDONLY | O_NONBLOCK) else { return false }
    var number: dev_t = 0
    guard clinux_loop_file_system(loop.number, &number) == 0 else {
      // The kernel asks the file's file system, and a dead one does not answer.
      return [ENOTCONN, ECONNABORTED, EIO].contains(errno)
    }
    return !devices.contains("\(clinux_major(number)):\(clinux_minor(number))")
      && !isThere(source, number)
  }

  /// Whether a loop device's file exists on its file system: some, like btrfs, have more device
  /// numbers than the mount table shows.
  private static func isThere(_ source: [UInt8], _ number: dev_t) -> Bool {
    let place = HostPath("/sys/block").appending(Name(unchecked: Array(source.lastPathComponent)))
      .appending("loop/backing_file" as RelativePath)
    guard let text = try? SmallFile.read(place, limit: 8192), text.last == UInt8(ascii: "\n") else {
      return true  // leave alone what is unknown
    }
    return stat(at: Array(text.dropLast()))?.st_dev == number
  }
}
