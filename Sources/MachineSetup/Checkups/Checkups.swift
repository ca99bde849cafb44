import Automount
import Glibc
package import ObjectStore
import Posix

/// Everything that `autosquash doctor` checks, in order of dependency.
package enum Checkups {
  /// Checks this machine.
  ///
  /// - Parameters:
  ///   - options: how to reach the bucket without its mount, beyond what the mount says.
  ///   - report: called with each finding as soon as it is known.
  package static func run(_ options: StoreOptions, _ report: (Checkup) -> Void) {
    let job: CatalogueJob
    do { job = try CatalogueJob() } catch {
      report(.fail("settings", "\(error)", remedy(for: error)))
      report(MachineCheckup.kernel(nil))
      report(MachineCheckup.loopDevices(nil))
      return
    }
    let mounts = (try? MountTable.current()) ?? .none
    check(job, mounts, report)
    // Last, since it starts threads, and the others may start processes; and also if the mount is
    // dead, when it matters most.
    if let folder = MountedFolder.find(job.configuration, mounts) {
      DirectCheckup(folder: folder, options: options, suffixes: job.configuration.suffixes).all()
        .forEach(report)
    }
  }

  private static func check(
    _ job: CatalogueJob, _ mounts: MountTable, _ report: (Checkup) -> Void
  ) {
    report(
      .ok(
        "settings",
        "\(Configuration.path.escapedName): images in"
          + " \(job.configuration.images.escapedName), mounted below"
          + " \(job.configuration.mountRoot.escapedName)"))
    report(MachineCheckup.kernel(job.configuration))
    report(MachineCheckup.loopDevices(job.configuration))
    report(MachineCheckup.clock())
    AutomounterCheckup(configuration: job.configuration, mounts: mounts).all().forEach(report)
    let bucket = BucketCheckup(job: job, mounts: mounts)
    bucket.mount().forEach(report)
    var catalogue: Catalogue
    do { catalogue = try job.catalogue() } catch {
      report(bucket.failure(error))
      return
    }
    bucket.images(catalogue).forEach(report)
    do {
      let roots = try RootDirectories.read(catalogue, job)
      bucket.closed(roots).forEach(report)
      // That this user may not enter an image does not mean its mount failed.
      if geteuid() != 0 { catalogue.images.removeAll { roots.modes[$0.file] != nil } }
    } catch {
      report(bucket.failure(error))
    }
    if let overlay = bucket.overlay() { report(overlay) }
    report(TrialMount(configuration: job.configuration).result(catalogue))
  }

  private static func remedy(for error: ConfigurationError) -> String {
    error.line == nil
      ? "sudo autosquash setup" : "correct the line; autosquash.conf(5) has the keys"
  }
}
