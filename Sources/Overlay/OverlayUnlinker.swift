import Glibc
public import Posix

/// Removes all links it made, whatever the overlays hold: it asks none of them.
public struct OverlayUnlinker {
  private let root: TargetRoot
  private let overlays: [(path: HostPath, link: LinkText)]
  private let isDryRun: Bool

  /// - Parameters:
  ///   - root: the tree with the links.
  ///   - overlays: the folders the links lead into, where overlays are or were.
  public init(root: Folder, overlays: [HostPath], isDryRun: Bool) {
    self.overlays = overlays.map { ($0, LinkText(overlay: $0)) }
    let earlier = overlays.dropFirst().map { EarlierOverlay(path: $0, places: nil) }
    self.root = TargetRoot(
      root, overlay: OverlayListing(overlays.first ?? .root, encoded: []), earlier: Array(earlier))
    self.isDryRun = isDryRun
  }

  /// Removes the links, and empty directories that were made for them.
  ///
  /// - Parameters:
  ///   - state: the directories to search; finished ones are removed from it.
  ///   - report: called with each path that was changed, or could not be.
  /// - Returns: how many of the directories are missing. They are remembered, since they may come
  ///   back, like a home that is not mounted.
  public func run(
    _ state: inout OverlayState, shouldStop: () -> Bool = { false },
    report: (RelativePath, OverlayEvent) -> Void
  ) -> Int {
    var places: OverlayState.Places = [:]
    for overlay in overlays {
      places.merge(state.places[overlay.path] ?? [:]) { $0 || $1 }
    }
    var missing = 0
    var removed: Set<RelativePath> = []
    // Children first, so that parents can become empty.
    for (path, isMade) in places.sorted(by: { $0.key > $1.key }) {
      if shouldStop() { break }
      let folder: Folder
      do { folder = try root.open(path, makesMissing: false) } catch {
        switch error {
        case .missing: missing += 1
        case .conflict(let text): report(path, .conflict(text))
        }
        continue
      }
      do {
        let ours = overlays.filter { state.places[$0.path]?[path] != nil }.map(\.link)
        let left = try unlink(ours, folder, path, removed, report: report)
        if left.ours > 0 { continue }
        if isMade, left.others == 0, remove(path) {
          removed.insert(path)
          report(path, .removedDirectory)
        }
        if !isDryRun { for overlay in overlays { state.places[overlay.path]?[path] = nil } }
      } catch {
        report(path, .conflict("\(error)"))
      }
    }
    state.places = state.places.filter { !$0.value.isEmpty }
    return missing
  }

  /// Removes the links in a directory.
  ///
  /// - Returns: how many of them could not be removed, and how many other names stay.
  private func unlink(
    _ links: [LinkText], _ folder: Folder, _ path: RelativePath, _ removed: Set<RelativePath>,
    report: (RelativePath, OverlayEvent) -> Void
  ) throws(SystemError) -> (ours: Int, others: Int) {
    if !isDryRun {
      // Left behind by a killed run.
      folder.removeFolder(TargetRoot.temporaryName)
    }
    var left = (ours: 0, others: 0)
    for name in try folder.names().sorted() {
      let full = path.appending(name)
      // A user's own link into the overlay belongs to the user.
      guard let text = folder.target(of: name), links.contains(where: { $0.path(of: text) != nil }),
        let status = try folder.look(name), [0, geteuid()].contains(status.st_uid)
      else {
        if !removed.contains(full) { left.others += 1 }
        continue
      }
      do throws(SystemError) {
        try remove(name, text, from: folder)
        report(full, .unlinked(target: text))
      } catch {
        left.ours += 1
        report(full, .conflict("\(error)"))
      }
    }
    return left
  }

  private func remove(
    _ name: Name, _ text: [UInt8], from folder: Folder
  ) throws(SystemError) {
    if isDryRun { return }
    // Check as late as possible: somebody may have put something else there.
    guard folder.target(of: name) == text else {
      throw SystemError("remove the link", path: folder.path(of: name), code: ESTALE)
    }
    try folder.remove(name)
  }

  /// - Returns: whether the directory is gone, or would be.
  private func remove(_ path: RelativePath) -> Bool {
    if isDryRun { return true }
    guard let name = path.name else { return false }
    guard let folder = try? root.open(path.parent, makesMissing: false) else { return false }
    return folder.removeFolder(name)
  }
}
