import Automount
import Glibc
import Posix

/// Brings new lists to a running automounter.
///
/// autofs keeps what it learns about a name, from a list or from the program, in one place. When
/// it rereads its maps it may forget a name it knows from both, until it reads them once more; and
/// autofs 5.1.8 hangs if such a name is a folder in use. So we list a folder only while it is not
/// in use through the program, after the automounter has forgotten what it knew about it, and have
/// the maps read twice.
struct ListUpdate {
  /// `nil` if the images cannot be read.
  let catalogue: Catalogue?
  let job: CatalogueJob
  /// The folder of the lists.
  let folder: Folder

  /// The automounter compares times in whole seconds.
  private static let pause: UInt32 = 1_200_000

  private var root: HostPath { job.configuration.mountRoot }

  /// The number of images that no list can name.
  var unlisted: Int { maps(known: [], mounts: .none).unlisted }

  /// Rewrites outdated lists and has the automounter read them.
  ///
  /// - Returns: what was done, for messages.
  func apply() throws -> String {
    let known = FileMaps.folders(in: folder)
    var mounts = try MountTable.current()
    var maps = maps(known: known, mounts: mounts)
    guard maps.differ(from: folder) else { return "nothing changed" }
    guard let daemon = AutomountDaemon(serving: root, in: mounts) else {
      try maps.write(to: folder)
      return "no running automount daemon found"
    }
    if !maps.folders.isSubset(of: known) {
      try reload(daemon)
      mounts = try MountTable.current()
      maps = self.maps(known: known, mounts: mounts)
    }
    try maps.write(to: folder)
    try reload(daemon)
    try reload(daemon)
    return "autofs reloaded"
  }

  /// Makes the automounter forget what it has learned, except for what is in use.
  private func reload(_ daemon: AutomountDaemon) throws(SystemError) {
    usleep(Self.pause)
    try daemon.reload()
  }

  /// - Parameter known: the folders in the lists that the automounter has now.
  private func maps(known: Set<RelativePath>, mounts: MountTable) -> FileMaps {
    // Folders in use keep their lists, because the automounter keeps reading them.
    var mounted: Set<RelativePath> = []
    // Folders it learned from the program alone: no list may name them too.
    var deferred: Set<RelativePath> = []
    for mount in mounts.mounts where mount.type == "autofs" {
      guard let level = mount.point.relative(to: root), !level.isRoot else { continue }
      mounted.insert(level)
      if mount.source == Installation.map.bytes && !known.contains(level) { deferred.insert(level) }
    }
    return FileMaps(
      catalogue, configuration: job.configuration, folder: StateFolder.maps(job.configuration),
      program: Installation.map,
      check: job.check, asksAgain: Installation.hasMountHelper, mounted: mounted, deferred: deferred
    )
  }
}
