import Automount
import Posix

/// All that `autosquash doctor` looks at, in the order in which things depend on each other.
enum Checkups {
  static func all() -> [Checkup] {
    let job: CatalogueJob
    do { job = try CatalogueJob() } catch {
      return [
        .fail("settings", "\(error)", remedy(for: error)), MachineCheckup.kernel(nil),
        MachineCheckup.loopDevices(nil),
      ]
    }
    let mounts = (try? MountTable.current()) ?? .none
    var all = [
      Checkup.ok(
        "settings",
        "\(Configuration.path.escapedName): images in"
          + " \(job.configuration.images.escapedName), mounted below"
          + " \(job.configuration.mountRoot.escapedName)"),
      MachineCheckup.kernel(job.configuration), MachineCheckup.loopDevices(job.configuration),
      MachineCheckup.clock(),
    ]
    all += AutomounterCheckup(configuration: job.configuration, mounts: mounts).all()
    // Nobody waits for a bucket that does not answer; threads come after this only.
    let bucket = BucketCheckup(job: job, mounts: mounts)
    all += bucket.mount()
    guard let catalogue = bucket.catalogue(&all) else { return all }
    all += bucket.images(catalogue)
    all.append(TrialMount(configuration: job.configuration).result(catalogue))
    return all
  }

  private static func remedy(for error: ConfigurationError) -> String {
    error.line == nil
      ? "sudo autosquash setup" : "correct the line; autosquash.conf(5) has the keys"
  }
}
