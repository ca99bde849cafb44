import Automount
import Glibc
import Posix

/// One run of `autosquash setup`.
struct SetupJob {
  /// The root of the system that is prepared; empty for the running one.
  let root: [UInt8]
  let isDryRun: Bool
  /// What was done, a line each.
  private(set) var report: [String] = []
  private(set) var warnings: [String] = []

  init(root: [UInt8]?, isDryRun: Bool) {
    var root = root ?? []
    while root.last == UInt8(ascii: "/") { root.removeLast() }
    self.root = root
    self.isDryRun = isDryRun
  }

  func printReport() throws {
    var output = StandardOutput()
    for line in report { try output.write(line + "\n") }
    try output.flush()
    for warning in warnings { Messages.write("warning: \(warning)") }
  }

  private var isRunningSystem: Bool { root.isEmpty }

  private func place(_ path: String) -> [UInt8] { root + Array(path.utf8) }

  // MARK: Installing

  mutating func install(_ given: [(Configuration.Key, [UInt8])]) throws {
    try checkUser()
    try refuseLinks(
      [String(decoding: Configuration.standardPath, as: UTF8.self)] + SetupFile.allPaths)
    let settings = try settings(given)
    let configuration = try Configuration(
      parsing: settings.text, path: place(settings.path))
    try refuseLinks(["\(String(decoding: configuration.state, as: UTF8.self))/maps/top"])
    let hasSystemd =
      access("/run/systemd/system") && isRunningSystem || access(place("/etc/systemd/system"))
    let files =
      try [settings]
      + SetupFile.all(
        for: configuration, map: Installation.map, program: Installation.program ?? [],
        hasSystemd: hasSystemd, isRunningSystem: isRunningSystem)
    let changed = try files.filter { try needsWriting($0) }
    for file in changed { try write(file) }
    // Units of settings that no longer hold.
    let stale = SetupFile.allPaths.filter { path in
      !files.contains { $0.path == path } && isOurs(path)
    }
    if stale.contains(SetupFile.timerPath) { disableTimer() }
    for path in stale { try delete(path) }
    let isChanged = !changed.isEmpty || !stale.isEmpty
    try makeLists(configuration)
    if hasSystemd && configuration.browse { try enableTimer() }
    if isRunningSystem { try tellSystem(configuration, hasSystemd, isChanged: isChanged) }
    if !isChanged { report.append("Nothing to change: all is in place.") }
    if !access("/usr/sbin/automount") && !access("/sbin/automount") && isRunningSystem {
      warnings.append("autofs is not installed; on Debian: apt-get install autofs")
    }
    if !access(Installation.map) {
      warnings.append("\(Installation.map.escapedName) is missing; install autosquash-map")
    }
  }

  private func checkUser() throws(SetupError) {
    if !isDryRun && geteuid() != 0 {
      throw SetupError(path: [], text: "setup needs root; --dry-run shows what it would do")
    }
    if isRunningSystem && Configuration.path != Configuration.standardPath {
      throw SetupError(
        path: Configuration.path,
        text: "AUTOSQUASH_CONFIG is set, but the automounter reads"
          + " \(Configuration.standardPath.escapedName); unset it")
    }
  }

  /// The configuration file as it will be.
  private func settings(_ given: [(Configuration.Key, [UInt8])]) throws -> SetupFile {
    let path = String(decoding: Configuration.standardPath, as: UTF8.self)
    let purpose = "holds the settings"
    for (key, value) in given {
      var probe = Configuration()
      if let problem = probe.set(key, value) {
        throw SetupError(path: value, text: "\(key.rawValue): \(problem)")
      }
    }
    guard let text = try contents(path) else {
      return SetupFile(path: path, text: SettingsFile(given).text, purpose: purpose)
    }
    var file = SettingsFile(parsing: text)
    for (key, value) in given { file.set(key, value) }
    if !SetupFile.isOurs(text) && file.text != text {
      let lines = given.map { "'\($0.0.rawValue) = \($0.1.escapedName)'" }
      throw SetupError(
        path: place(path),
        text: "not written by setup, so it stays as it is; have it say "
          + lines.joined(separator: " and ") + " and run setup again")
    }
    return SetupFile(path: path, text: file.text, purpose: purpose)
  }

  private func needsWriting(_ file: SetupFile) throws -> Bool {
    guard let text = try contents(file.path) else { return true }
    if text == file.text { return false }
    guard SetupFile.isOurs(text) else {
      throw SetupError(
        path: place(file.path),
        text: "not written by setup, so it stays as it is; move it away and run setup again")
    }
    return true
  }

  private mutating func write(_ file: SetupFile) throws {
    if isDryRun {
      report.append("Would write \(place(file.path).escapedName), which \(file.purpose):")
      report += file.text.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
      ).dropLast().map { "    \($0.escapedName)" }
      return
    }
    try makeFolders(above: file.path)
    try SmallFile.write(file.text, to: resolved(place(file.path)), mode: 0o644)
    report.append("Wrote \(place(file.path).escapedName): \(file.purpose).")
  }

  /// The map of names must be there when autofs starts, whatever it will hold.
  private mutating func makeLists(_ configuration: Configuration) throws {
    guard configuration.browse, !isDryRun else { return }
    let folder = root + configuration.state + Array("/maps".utf8)
    let top = folder + Array("/top".utf8)
    if !access(top) {
      try makeFolders(above: String(decoding: configuration.state, as: UTF8.self) + "/maps/top")
      try FileMaps(
        nil, configuration: configuration, folder: configuration.state + Array("/maps".utf8),
        program: Installation.map, check: CatalogueJob.check(configuration)
      ).write(to: folder)
    }
    guard isRunningSystem else { return }
    do { report.append(try Refresh.refresh(isQuiet: false).capitalizedFirst + ".") } catch {
      warnings.append("no images are listed: \(error)")
    }
  }

  private mutating func tellSystem(
    _ configuration: Configuration, _ hasSystemd: Bool, isChanged: Bool
  ) throws {
    if access("/run/systemd/system") {
      if isChanged { run(["systemctl", "daemon-reload"]) }
      if configuration.browse { run(["systemctl", "--quiet", "start", SetupFile.timerName]) }
      if isChanged { run(["systemctl", "reload-or-restart", "autofs.service"]) }
    } else {
      if isChanged { try reloadAutomounters() }
      if configuration.browse && !hasSystemd {
        warnings.append(
          "there is no systemd here; have cron run 'autosquash refresh' to list new images")
      }
    }
  }

  /// Has the timer start with the system, which need not be the running one.
  private mutating func enableTimer() throws {
    let link = "/etc/systemd/system/timers.target.wants/\(SetupFile.timerName)"
    if access(place(link)) { return }
    let below = root.isEmpty ? [] : ["--root", String(decoding: root, as: UTF8.self)]
    run(["systemctl"] + below + ["--quiet", "enable", SetupFile.timerName])
  }

  private mutating func disableTimer() {
    let usesSystemd = isRunningSystem && access("/run/systemd/system")
    let below =
      root.isEmpty
      ? (usesSystemd ? ["--now"] : []) : ["--root", String(decoding: root, as: UTF8.self)]
    run(["systemctl"] + below + ["--quiet", "disable", SetupFile.timerName])
  }

  /// Without systemd: every automounter of this machine reads its master map again.
  private mutating func reloadAutomounters() throws {
    if isDryRun {
      report.append("Would have running automounters read their maps again.")
      return
    }
    let daemons = AutomountDaemon.all
    for daemon in daemons { try daemon.reload() }
    if daemons.isEmpty {
      warnings.append("no automounter runs; start it: service autofs start")
    } else {
      report.append("The automounter reads its maps again.")
    }
  }

  private mutating func run(_ command: [String]) {
    let text = command.joined(separator: " ")
    if isDryRun {
      report.append("Would run: \(text)")
      return
    }
    do {
      let result = try ChildProcess.run(command)
      if result.status == 0 {
        report.append("Ran: \(text)")
      } else {
        warnings.append("'\(text)' failed with status \(result.status)")
      }
    } catch {
      warnings.append("'\(text)': \(error)")
    }
  }

  // MARK: Removing

  mutating func remove(keepsSettings: Bool) throws {
    try checkUser()
    let path = String(decoding: Configuration.standardPath, as: UTF8.self)
    try refuseLinks([path] + SetupFile.allPaths)
    let configuration = try? Configuration.load(place(path))
    let usesSystemd = isRunningSystem && access("/run/systemd/system")
    if isOurs(SetupFile.timerPath) { disableTimer() }
    let all = (keepsSettings ? [] : [path]) + SetupFile.allPaths
    let ours = all.filter { isOurs($0) }
    for path in ours { try delete(path) }
    for path in all where !ours.contains(path) && access(place(path)) {
      warnings.append("\(place(path).escapedName) was not written by setup, so it stays")
    }
    if !ours.isEmpty {
      if usesSystemd {
        run(["systemctl", "daemon-reload"])
        run(["systemctl", "reload-or-restart", "autofs.service"])
      } else if isRunningSystem {
        try reloadAutomounters()
      }
      if isRunningSystem && !isDryRun { try awaitEnd((configuration ?? Configuration()).mountRoot) }
    }
    try removeLists(configuration ?? Configuration())
    if ours.isEmpty { report.append("Nothing to remove.") }
  }

  /// Waits until the automounter has let go of the mount root. One that is just reading its maps
  /// does not hear that it shall read them again.
  private mutating func awaitEnd(_ mountRoot: [UInt8]) throws {
    for _ in 0..<4 {
      guard let daemon = AutomountDaemon(serving: mountRoot, in: try MountTable.current()) else {
        return
      }
      usleep(1_500_000)
      guard AutomountDaemon(serving: mountRoot, in: try MountTable.current()) != nil else { return }
      try daemon.reload()
    }
    warnings.append(
      "\(mountRoot.escapedName) is still in use; it goes when the automounter is restarted")
  }

  private mutating func removeLists(_ configuration: Configuration) throws {
    guard !isDryRun else { return }
    try refuseLinks(["\(String(decoding: configuration.state, as: UTF8.self))/maps/top"])
    let maps = root + configuration.state + Array("/maps".utf8)
    let lock = root + configuration.state + Array("/refresh.lock".utf8)
    _ = lock.withCPath { unlink($0) }
    FileMaps.remove(from: maps)
    for path in KernelSupport.configurationPaths(state: root + configuration.state).suffix(1) {
      _ = path.withCPath { unlink($0) }
    }
    for folder in [maps, root + configuration.state] { _ = folder.withCPath { rmdir($0) } }
  }

  // MARK: Files

  /// Where a link leads, on a running system: what keeps the settings elsewhere goes on doing so.
  private func resolved(_ path: [UInt8]) -> [UInt8] {
    guard isRunningSystem, let real = path.withCPath({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    return [UInt8](cString: real)
  }

  private func access(_ path: String) -> Bool { access(Array(path.utf8)) }
  private func access(_ path: [UInt8]) -> Bool {
    // Links in another root lead elsewhere, seen from here.
    var status = stat()
    return path.withCPath { lstat($0, &status) == 0 }
  }

  /// `nil` where there is none.
  private func contents(_ path: String) throws -> [UInt8]? {
    do {
      return try SmallFile.read(place(path), limit: 1 << 20, followsLinks: isRunningSystem)
    } catch  where error.code == ENOENT { return nil }
  }

  private func isOurs(_ path: String) -> Bool {
    (try? contents(path)).flatMap { $0 }.map(SetupFile.isOurs) == true
  }

  /// A link in a machine's image would lead into this system.
  private func refuseLinks(_ paths: [String]) throws(SetupError) {
    if isRunningSystem { return }
    for path in paths {
      var folder = root
      for part in path.split(separator: "/").dropLast() {
        folder += Array("/\(part)".utf8)
        var status = stat()
        if folder.withCPath({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFLNK {
          throw SetupError(
            path: folder, text: "a symbolic link; setup does not follow links below --root")
        }
      }
    }
  }

  private mutating func delete(_ path: String) throws {
    if isDryRun {
      report.append("Would remove \(place(path).escapedName)")
      return
    }
    guard place(path).withCPath({ unlink($0) }) == 0 else {
      throw SystemError("remove", path: place(path))
    }
    report.append("Removed \(place(path).escapedName).")
  }

  private func makeFolders(above path: String) throws {
    var folder = root
    for part in path.split(separator: "/").dropLast() {
      folder += Array("/\(part)".utf8)
      if folder.withCPath({ mkdir($0, 0o755) }) == 0 {
        _ = folder.withCPath { chmod($0, 0o755) }  // whatever the umask
      } else if errno != EEXIST {
        throw SystemError("make the folder", path: folder)
      }
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
