package import Automount
import Glibc
package import Posix

/// Installs or removes the automounter's files.
package struct SetupJob {
  /// The root of the system to set up.
  let root: SystemRoot
  let isDryRun: Bool
  /// What was done, one line each.
  package private(set) var report: [String] = []
  package private(set) var warnings: [String] = []
  /// Called about images left out of the lists.
  private let warn: (_ path: [UInt8], _ text: String) -> Void

  package init(
    root: SystemRoot, isDryRun: Bool,
    warn: @escaping (_ path: [UInt8], _ text: String) -> Void = { _, _ in }
  ) {
    self.root = root
    self.isDryRun = isDryRun
    self.warn = warn
  }

  /// Whether the target is the running system and systemd manages it.
  private var runsSystemd: Bool { root.isRunning && access("/run/systemd/system", F_OK) == 0 }

  /// A path in the form for messages.
  private func shown(_ path: HostPath) -> String { root.place(path).escapedName }

  // MARK: Installing

  /// Writes missing and outdated files.
  ///
  /// - Parameter given: settings to change.
  package mutating func install(_ given: [(Configuration.Key, [UInt8])]) throws {
    try checkUser()
    let settings = try settings(given)
    let configuration = try Configuration(parsing: settings.text, path: root.place(settings.path))
    let hasSystemd = try hasSystemd
    let programs = try Installation.inSystem(root)
    let files = try [settings] + files(for: configuration, programs)
    let changed = try files.filter { try needsWriting($0) }
    // Units from earlier settings.
    let stale = SetupFile.allPaths.filter { path in
      !files.contains { $0.path == path } && isOurs(path)
    }
    // Report what is in the way of the lists before writing anything.
    let lacksLists = try lacksLists(configuration, programs)
    if root.isRunning { try StateFolder.check(configuration) }
    for file in changed { try write(file) }
    var isChanged = !changed.isEmpty || !stale.isEmpty || lacksLists
    if stale.contains(SetupFile.timerPath) { try disableTimer() }
    for path in stale { try delete(path) }
    try makeLists(configuration, programs, areMissing: lacksLists)
    if try hasSystemd && configuration.browse && enableTimer() { isChanged = true }
    if root.isRunning { try tellSystem(configuration, hasSystemd, isChanged: isChanged) }
    if !isChanged { report.append("Nothing to change: everything is in place.") }
    let needed = RootPrograms(root: root, programs: programs, configuration: configuration)
    warnings += try needed.forSetup().compactMap { checkup in
      checkup.remedy.map { "\(checkup.finding); \($0)" }
    }
  }

  /// Whether the system has systemd.
  var hasSystemd: Bool { get throws { try runsSystemd || root.has(SetupFile.units) } }

  /// The files for some settings, except the settings file itself, as they should be in the system.
  func files(
    for configuration: Configuration, _ programs: Installation
  ) throws -> [SetupFile] {
    try SetupFile.all(
      for: configuration, map: programs.map, program: programs.program, hasSystemd: hasSystemd,
      mountPoint: mountPoint(for: configuration))
  }

  /// Where the bucket is mounted, or will be at system startup; `nil` if it need not be.
  private func mountPoint(for configuration: Configuration) -> HostPath? {
    configuration.bucketPoint(
      mounted: root.isRunning ? (try? .current()) ?? .none : .none,
      table: MountTable(table: (try? contents(MountTable.path)).flatMap { $0 } ?? []))
  }

  /// Whether autofs would find no lists at startup, or, in another system, lists that lead to no
  /// map there; refresh takes care of the running system's.
  func lacksLists(_ configuration: Configuration, _ programs: Installation) throws -> Bool {
    guard configuration.browse else { return false }
    let path = StateFolder.topMap(configuration)
    if root.isRunning { return try !root.has(path) }
    guard let text = try root.read(path, limit: 256 << 20) else { return true }
    return text.split(separator: UInt8(ascii: "\n")).last?
      .elementsEqual(FileMaps.lastLine(program: programs.map)) != true
  }

  private func checkUser() throws(SetupError) {
    if !isDryRun && geteuid() != 0 {
      throw SetupError(path: "", text: "setup needs root; --dry-run shows what it would do")
    }
    if root.isRunning && Configuration.path != Configuration.standardPath {
      throw SetupError(
        path: Configuration.path,
        text: "AUTOSQUASH_CONFIG is set, but the automounter reads"
          + " \(Configuration.standardPath.escapedName); unset it")
    }
  }

  /// The future configuration file.
  private func settings(_ given: [(Configuration.Key, [UInt8])]) throws -> SetupFile {
    let path = Configuration.standardPath
    let purpose = "holds the settings"
    for (key, value) in given {
      var probe = Configuration()
      if let problem = probe.set(key, value) {
        throw SetupError(path: HostPath(value), text: "\(key.rawValue): \(problem)")
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
        path: root.place(path),
        text: "not written by setup, so it stays unchanged; put "
          + lines.joined(separator: " and ") + " into it and run setup again")
    }
    return SetupFile(path: path, text: file.text, purpose: purpose)
  }

  /// Whether a file is missing or outdated.
  ///
  /// - Throws: if it belongs to somebody else.
  func needsWriting(_ file: SetupFile) throws -> Bool {
    guard let text = try contents(file.path) else { return true }
    if text == file.text { return false }
    guard SetupFile.isOurs(text) else {
      throw SetupError(
        path: root.place(file.path),
        text: "not written by setup, so it stays unchanged; move it away and run setup again")
    }
    return true
  }

  private mutating func write(_ file: SetupFile) throws {
    if isDryRun {
      report.append("Would write \(shown(file.path)), which \(file.purpose):")
      report += file.text.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
      ).dropLast().map { "    \($0.escapedName)" }
      return
    }
    try root.write(file.text, to: file.path, mode: 0o644)
    report.append("Wrote \(shown(file.path)): \(file.purpose).")
  }

  /// Creates the map of names, which autofs needs at startup whatever it will hold.
  private mutating func makeLists(
    _ configuration: Configuration, _ programs: Installation, areMissing: Bool
  ) throws {
    guard configuration.browse else { return }
    if areMissing {
      report.append(
        (isDryRun ? "Would write " : "Wrote ") + shown(StateFolder.topMap(configuration))
          + ": the list of images, still empty.")
    }
    if isDryRun { return }
    if areMissing {
      try FileMaps(
        nil, configuration: configuration, folder: StateFolder.maps(configuration),
        program: programs.map, check: CatalogueJob.check(configuration), asksAgain: false
      ).write(to: StateFolder(configuration, in: root).maps)
    }
    guard root.isRunning else { return }
    do { report.append(try ListRefresh.run(warn: warn).capitalizedFirst + ".") } catch {
      warnings.append("no images are listed: \(error)")
    }
  }

  private mutating func tellSystem(
    _ configuration: Configuration, _ hasSystemd: Bool, isChanged: Bool
  ) throws {
    if runsSystemd {
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

  /// Makes the timer start with the system, which need not be the running one.
  ///
  /// - Returns: whether this is new.
  private mutating func enableTimer() throws -> Bool {
    let link = SetupFile.timerLink
    if try root.has(link) { return false }
    if isDryRun {
      report.append("Would make \(shown(link)), which starts the timer with the system.")
      return true
    }
    try root.link(link, to: SetupFile.timerPath.bytes)
    report.append("Made \(shown(link)): starts the timer with the system.")
    return true
  }

  private mutating func disableTimer() throws {
    if runsSystemd { run(["systemctl", "--quiet", "stop", SetupFile.timerName]) }
    if try root.has(SetupFile.timerLink) { try delete(SetupFile.timerLink) }
  }

  /// Without systemd: makes every automounter on this machine reread its master map.
  private mutating func reloadAutomounters() throws {
    if isDryRun {
      report.append("Would reload running automounters.")
      return
    }
    let daemons = AutomountDaemon.all
    for daemon in daemons { try daemon.reload() }
    if daemons.isEmpty {
      warnings.append("no automounter is running; start it: service autofs start")
    } else {
      report.append("Reloaded the automounter.")
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

  /// Removes what setup wrote.
  package mutating func remove(keepsSettings: Bool) throws {
    try checkUser()
    let settings = Configuration.standardPath
    let configuration = try readSettings()
    let all = try ((keepsSettings ? [] : [settings]) + SetupFile.allPaths).filter {
      try root.has($0)
    }
    let ours = all.filter { isOurs($0) }
    if ours.contains(SetupFile.timerPath) {
      try disableTimer()
      // A running service would fail without its unit.
      if runsSystemd { run(["systemctl", "--quiet", "stop", SetupFile.serviceName]) }
    }
    for path in ours { try delete(path) }
    for path in all where !ours.contains(path) {
      warnings.append("\(shown(path)) was not written by setup, so it stays")
    }
    if !ours.isEmpty {
      if runsSystemd {
        run(["systemctl", "daemon-reload"])
        forgetFailures()
        run(["systemctl", "reload-or-restart", "autofs.service"])
      } else if root.isRunning {
        try reloadAutomounters()
      }
      if root.isRunning && !isDryRun { try awaitEnd(configuration.mountRoot) }
    }
    if !isDryRun { try StateFolder.remove(configuration, from: root) }
    if ours.isEmpty { report.append("Nothing to remove.") }
  }

  /// Makes systemd forget failed units, which it would list even when they are gone.
  private mutating func forgetFailures() {
    for unit in [SetupFile.timerName, SetupFile.serviceName] {
      // systemd no longer knows units that have not failed, and would complain.
      guard (try? ChildProcess.run(["systemctl", "--quiet", "is-failed", unit]))?.status == 0 else {
        continue
      }
      run(["systemctl", "reset-failed", unit])
    }
  }

  /// The settings; reports and ignores wrong ones.
  private mutating func readSettings() throws -> Configuration {
    let path = Configuration.standardPath
    guard let text = try contents(path) else { return Configuration() }
    do {
      return try Configuration(parsing: text, path: root.place(path))
    } catch {
      warnings.append("\(error); lists in a folder named there stay")
      return Configuration()
    }
  }

  /// Waits until the automounter has released the mount root. While it is reading its maps, it
  /// misses the signal to reread them.
  private mutating func awaitEnd(_ mountRoot: HostPath) throws {
    for _ in 0..<4 {
      guard let daemon = AutomountDaemon(serving: mountRoot, in: try MountTable.current()) else {
        return
      }
      usleep(1_500_000)
      guard AutomountDaemon(serving: mountRoot, in: try MountTable.current()) != nil else { return }
      try daemon.reload()
    }
    warnings.append(
      "\(mountRoot.escapedName) is still in use; it goes away when the automounter restarts")
  }

  // MARK: Files

  /// `nil` if there is none.
  private func contents(_ path: HostPath) throws -> [UInt8]? {
    try root.read(path, limit: 1 << 20)
  }

  func isOurs(_ path: HostPath) -> Bool {
    (try? contents(path)).flatMap { $0 }.map(SetupFile.isOurs) == true
  }

  private mutating func delete(_ path: HostPath) throws {
    if isDryRun {
      report.append("Would remove \(shown(path))")
      return
    }
    try root.remove(path)
    report.append("Removed \(shown(path)).")
    // Like systemctl, remove folders that exist only for these files.
    if [SetupFile.orderPath, SetupFile.timerLink].contains(path) {
      try root.removeFolderIfEmpty(path.parent)
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
