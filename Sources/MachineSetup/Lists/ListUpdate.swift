import Automount
import Glibc
import Posix

/// Brings new lists to a running automounter.
///
/// autofs keeps what it has learnt of a name, from a list or from the program, in one place. When
/// it reads its maps again it may forget a name that it knows from both, until it reads them once
/// more; and autofs 5.1.8 never comes to an end when such a name is a folder that is in use. So a
/// folder is listed only while it is not in use by way of the program, after the automounter has
/// forgotten what it knew of it, and maps are read twice.
struct ListUpdate {
  /// `nil` where the images cannot be read.
  let catalogue: Catalogue?
  let job: CatalogueJob
  /// Where the lists are.
  let folder: Folder

  /// The automounter tells new from old by whole seconds.
  private static let pause: UInt32 = 1_200_000

  private var root: HostPath { job.configuration.mountRoot }

  /// Images that no list can name.
  var unlisted: Int { maps(known: [], mounts: .none).unlisted }

  /// Writes the lists where they are not what they should be, and has the automounter read them.
  ///
  /// - Returns: what was done, for people.
  func apply() throws -> String {
    let known = FileMaps.folders(in: folder)
    var mounts = try MountTable.current()
    var maps = maps(known: known, mounts: mounts)
    guard maps.differ(from: folder) else { return "nothing has changed" }
    guard let daemon = AutomountDaemon(serving: root, in: mounts) else {
      try maps.write(to: folder)
      return "no automounter runs that could be told"
    }
    if !maps.folders.isSubset(of: known) {
      try reload(daemon)
      mounts = try MountTable.current()
      maps = self.maps(known: known, mounts: mounts)
    }
    try maps.write(to: folder)
    try reload(daemon)
    try reload(daemon)
    return "the automounter knows"
  }

  /// Has the automounter forget what it has learnt before, but what is in use.
  private func reload(_ daemon: AutomountDaemon) throws(SystemError) {
    usleep(Self.pause)
    try daemon.reload()
  }

  /// - Parameter known: the folders that the lists name which the automounter has now.
  private func maps(known: Set<RelativePath>, mounts: MountTable) -> FileMaps {
    // Folders in use: each keeps its list, for the automounter reads it as long as they are.
    var mounted: Set<RelativePath> = []
    // Those of them that it learnt of from the program alone: a list must not name them as well.
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
