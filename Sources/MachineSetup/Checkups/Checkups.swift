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
  package static func run(_ options: StoreOptions, _ report: @escaping (Checkup) -> Void) {
    let job: CatalogueJob
    do { job = try CatalogueJob() } catch {
      report(.fail("settings", "\(error)", remedy(for: error)))
      report(MachineCheckup.kernel(nil))
      report(MachineCheckup.loopDevices(nil))
      return
    }
    let mounts = (try? MountTable.current()) ?? .none
    report(
      .ok(
        "settings",
        "\(Configuration.path.escapedName): images in"
          + " \(job.configuration.images.escapedName), mounted below"
          + " \(job.configuration.mountRoot.escapedName)"))
    if MapEntry.MountType(job.configuration) == .autosquash {
      MountCheckup(configuration: job.configuration).all().forEach(report)
    } else {
      report(MachineCheckup.kernel(job.configuration))
      report(MachineCheckup.loopDevices(job.configuration))
    }
    report(MachineCheckup.clock())
    AutomounterCheckup(configuration: job.configuration, mounts: mounts).all().forEach(report)
    switch job.configuration.images {
    case .folder(let images): check(images, job, mounts, options, report)
    case .bucket(let images): check(images, job, options, report)
    }
  }

  /// Checks images that are mounted from a bucket itself.
  private static func check(
    _ images: BucketFolder, _ job: CatalogueJob, _ options: StoreOptions,
    _ report: @escaping (Checkup) -> Void
  ) {
    // First, since it starts a process, and the others start threads; so it relies on the lists.
    let lists = try? Folder(at: StateFolder.maps(job.configuration))
    let known = lists.map { FileMaps.known(in: $0, job.configuration, check: job.check) } ?? []
    report(TrialMount(configuration: job.configuration).result(Catalogue(images: known)))
    do {
      try BucketFolderCheckup.run(
        images.url, options.filled(from: StoreOptions(job.configuration.bucket)), report)
    } catch { report(.fail("bucket", "\(error)", "correct it in the settings")) }
  }

  /// Checks images in a folder of this machine, which a bucket may be mounted on.
  private static func check(
    _ images: HostPath, _ job: CatalogueJob, _ mounts: MountTable, _ options: StoreOptions,
    _ report: (Checkup) -> Void
  ) {
    checkMount(images, job, mounts, report)
    // Last, since it starts threads, and the others may start processes; and also if the mount is
    // dead, when it matters most.
    if let folder = MountedFolder.find(job.configuration, mounts) {
      DirectCheckup(folder: folder, options: options, suffixes: job.configuration.suffixes).all()
        .forEach(report)
    }
  }

  private static func checkMount(
    _ images: HostPath, _ job: CatalogueJob, _ mounts: MountTable, _ report: (Checkup) -> Void
  ) {
    let bucket = BucketCheckup(job: job, mounts: mounts)
    bucket.mount(holding: images).forEach(report)
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
