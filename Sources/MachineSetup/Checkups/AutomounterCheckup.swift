import Automount
import Glibc
import Posix

/// autofs: installed, running, with our map.
struct AutomounterCheckup {
  let configuration: Configuration
  let mounts: MountTable

  func all() -> [Checkup] {
    var found = [map()]
    guard isInstalled else {
      found.append(
        .fail("autofs", "the automounter is not installed", "sudo apt-get install autofs"))
      return found
    }
    guard hasKernelSupport else {
      found.append(
        .fail(
          "autofs", "this kernel has no autofs and no autofs module", "sudo modprobe autofs4"))
      return found
    }
    found.append(mountRoot())
    if configuration.browse { found.append(lists()) }
    return found
  }

  private var isInstalled: Bool {
    let places: [String] = ["/usr/sbin/automount", "/sbin/automount"]
    return places.contains { access($0, X_OK) == 0 }
  }

  private var hasKernelSupport: Bool {
    let systems = (try? SmallFile.read("/proc/filesystems", limit: 1 << 20)) ?? []
    return String(decoding: systems, as: UTF8.self).contains("\tautofs\n")
      || (try? ChildProcess.run(["modprobe", "-n", "-q", "autofs4"]))?.status == 0
  }

  private func map() -> Checkup {
    let path = Installation.map
    guard path.withCPath({ access($0, X_OK) }) == 0 else {
      return .fail(
        "map", "\(path.escapedName) is missing or not executable",
        "install autosquash-map there")
    }
    return .ok("map", "\(path.escapedName) is there")
  }

  private func mountRoot() -> Checkup {
    let topic = "autofs"
    let place = configuration.mountRoot.escapedName
    guard let mount = mounts.mount(at: configuration.mountRoot), mount.type == "autofs" else {
      if AutomountDaemon.all.isEmpty {
        return .fail(topic, "the automounter is not running", "sudo systemctl enable --now autofs")
      }
      return .fail(
        topic, "the automounter runs, but does not serve \(place)", "sudo autosquash setup")
    }
    guard let daemon = AutomountDaemon(serving: configuration.mountRoot, in: mounts) else {
      return .fail(
        topic, "\(place) is mounted, but its automounter is gone",
        "sudo systemctl restart autofs")
    }
    let ours = [Installation.map, StateFolder.topMap(configuration)]
    guard ours.contains(HostPath(mount.source)) else {
      return .fail(
        topic, "\(place) is served from another map, \(mount.source.escapedName)",
        "remove that map from /etc/auto.master and its folder, then sudo autosquash setup")
    }
    return .ok(topic, "process \(daemon.process) serves \(place)")
  }

  private func lists() -> Checkup {
    let path = StateFolder.topMap(configuration)
    do { try StateFolder.check(configuration) } catch {
      let place = error.path.shellWord
      return .fail(
        "list", "\(error); the automounter would obey their changes",
        "sudo chown root: \(place) && sudo chmod go-w \(place)")
    }
    guard path.withCPath({ access($0, R_OK) }) == 0 else {
      return .fail(
        "list", "the list of names, \(path.escapedName), is missing", "sudo autosquash refresh")
    }
    return .ok("list", "\(path.escapedName) is there")
  }
}
