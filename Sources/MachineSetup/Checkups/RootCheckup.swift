import Automount
import Glibc
package import Posix

/// Checks another system, such as a machine image, by its files before it starts.
///
/// Mounts nothing, runs none of its programs, and follows no link in it.
package struct RootCheckup {
  let root: SystemRoot
  let configuration: Configuration
  let programs: Installation

  /// Checks everything in order of dependency.
  ///
  /// - Parameter report: called with each finding as soon as it is known.
  package static func run(_ root: SystemRoot, _ report: (Checkup) -> Void) throws {
    let path = Configuration.standardPath
    let place = root.place(path)
    let setup = "sudo autosquash setup --root \(root.place("").shellWord)"
    guard let text = try root.read(path, limit: 64 << 10) else {
      report(.fail("settings", "\(place.escapedName) is missing", setup))
      // The same programs that setup asks for.
      try RootPrograms(
        root: root, programs: try Installation.inSystem(root), configuration: Configuration()
      ).all(mountsBucket: true).forEach(report)
      return
    }
    let configuration: Configuration
    do { configuration = try Configuration(parsing: text, path: place) } catch {
      report(.fail("settings", "\(error)", "sudo editor \(place.shellWord)"))
      return
    }
    report(
      .ok(
        "settings",
        "\(place.escapedName): images in \(configuration.images.escapedName), mounted below"
          + " \(configuration.mountRoot.escapedName)"))
    let checkup = RootCheckup(
      root: root, configuration: configuration, programs: try Installation.inSystem(root))
    let mount = RootMount(root: root, configuration: configuration)
    let found = try mount.find()
    let needsMount = configuration.images.bucket == nil
    try RootPrograms(root: root, programs: checkup.programs, configuration: configuration)
      .all(mountsBucket: needsMount && found?.isOfS3fs != false).forEach(report)
    try checkup.files(setup).forEach(report)
    try checkup.automounter().forEach(report)
    if needsMount {
      try mount.checkups(found).forEach(report)
    } else {
      report(try RootCredentials(root: root, configuration: configuration).checkup())
    }
    try RootKernel(root: root, configuration: configuration).all().forEach(report)
    try checkup.overlay().forEach(report)
  }

  /// Whether setup's files exist, just as it would write them now.
  private func files(_ setup: String) throws -> [Checkup] {
    let job = SetupJob(root: root, isDryRun: true)
    var found: [Checkup] = []
    let files = try job.files(for: configuration, programs)
    for file in files {
      let place = root.place(file.path)
      do {
        if try job.needsWriting(file) {
          let isThere = try root.has(file.path)
          found.append(
            .fail(
              "files",
              "\(place.escapedName) "
                + (isThere ? "differs from setup's version" : "is missing")
                + "; it \(file.purpose)",
              setup))
        }
      } catch let error as SetupError {
        found.append(
          .fail("files", "\(error)", "sudo rm \(place.shellWord) && \(setup)"))
      }
    }
    for path in SetupFile.allPaths where !files.contains(where: { $0.path == path }) {
      if job.isOurs(path) {
        found.append(
          .warn("files", "\(root.place(path).escapedName) belongs to old settings", setup))
      }
    }
    if try job.lacksLists(configuration, programs) {
      let place = root.place(StateFolder.topMap(configuration)).escapedName
      found.append(
        .fail("list", "\(place) is missing, or leads to no map of this system", setup))
    }
    if configuration.browse {
      if try !job.hasSystemd {
        found.append(
          .warn(
            "timer", "it has no systemd, so nothing lists new images",
            "have its cron run 'autosquash refresh'"))
      } else if try !root.has(SetupFile.timerLink) {
        found.append(
          .fail(
            "timer",
            "\(root.place(SetupFile.timerLink).escapedName) is missing, so the timer"
              + " does not start with the system", setup))
      }
    }
    if found.isEmpty { found.append(.ok("files", "all are up to date")) }
    return found
  }

  /// Whether the automounter starts with the system.
  private func automounter() throws -> [Checkup] {
    let units = RootUnits(root: root)
    guard try units.isThere("autofs.service") else { return [] }
    if try units.isEnabled("autofs.service") {
      return [.ok("autofs", "it starts with the system")]
    }
    return [
      .fail(
        "autofs", "the automounter does not start with the system",
        units.command("enable autofs.service"))
    ]
  }

  /// Whether links are made at startup, which not everybody wants.
  private func overlay() throws -> [Checkup] {
    let units = RootUnits(root: root)
    let name = "autosquash-overlay.service"
    switch (try units.isThere(name), try units.isEnabled(name)) {
    case (true, true): return [.ok("overlay", "its links are made when the system starts")]
    case (true, false):
      return [
        Checkup(
          status: .ok, topic: "overlay", finding: "its links are not made when the system starts",
          remedy: units.command("enable \(name)"))
      ]
    case (false, true):
      return [
        .warn(
          "overlay", "\(name) should start with the system, but is missing",
          units.command("disable \(name)"))
      ]
    case (false, false): return []
    }
  }
}
