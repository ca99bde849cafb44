import Glibc
public import Posix

/// Removes links into an overlay to files that it no longer has.
public struct OverlayPruner {
  let listing: OverlayListing
  let root: TargetRoot
  let isDryRun: Bool
  let link: LinkText

  /// - Parameters:
  ///   - listing: must have at least one file: an empty overlay may be a lost mount, and is
  ///     refused.
  ///   - earlier: the overlay's earlier locations.
  /// - Throws: `SystemError`, `ENODATA`, for an empty overlay.
  public init(
    _ listing: OverlayListing, root: Folder, earlier: [EarlierOverlay] = [], isDryRun: Bool
  ) throws(SystemError) {
    guard listing.fileCount > 0 else {
      throw SystemError("prune with an empty overlay", path: listing.root, code: ENODATA)
    }
    self.listing = listing
    self.root = TargetRoot(root, overlay: listing, earlier: earlier)
    self.isDryRun = isDryRun
    link = LinkText(overlay: listing.root)
  }

  /// Removes the links, and empty directories that were made for them.
  ///
  /// - Parameters:
  ///   - places: the directories to search, and whether they were made; those that no longer matter
  ///     are removed from it.
  ///   - report: called with each path that was changed, or is in a directory that cannot be
  ///     entered.
  public func run(
    _ places: inout OverlayState.Places, shouldStop: () -> Bool = { false },
    report: (RelativePath, OverlayEvent) -> Void
  ) {
    var needed: Set<RelativePath> = []
    for directory in listing.directories {
      places[directory.path] = places[directory.path] ?? false
      var path = directory.path
      while needed.insert(path).inserted, !path.isRoot { path = path.parent }
    }
    var removed: Set<RelativePath> = []
    // Children first, so that parents can become empty.
    for path in places.keys.sorted(by: >) {
      if shouldStop() { return }
      let folder: Folder
      do { folder = try root.open(path, makesMissing: false) } catch {
        // It may come back, like a home that is not mounted: do not forget it.
        switch error {
        case .missing: places[path] = false
        case .conflict(let text): if needed.contains(path) { report(path, .conflict(text)) }
        }
        continue
      }
      do {
        let left = try prune(folder, path, removed, report: report)
        if needed.contains(path) || left.links > 0 { continue }
        if places[path] == true {
          guard left.others == 0, try remove(path) else { continue }
          removed.insert(path)
          report(path, .removedDirectory)
        }
        if !isDryRun { places[path] = nil }
      } catch {
        report(path, .conflict("\(error)"))
      }
    }
  }

  /// - Returns: how many names stay in the directory.
  private func prune(
    _ folder: Folder, _ path: RelativePath, _ removed: Set<RelativePath>,
    report: (RelativePath, OverlayEvent) -> Void
  ) throws -> (links: Int, others: Int) {
    var left = (links: 0, others: 0)
    for name in try folder.names().sorted() {
      let full = path.appending(name)
      guard let text = folder.target(of: name), let file = link.path(of: text) else {
        if !removed.contains(full) { left.others += 1 }
        continue
      }
      let isLeftover = name == OverlayLinker.temporaryName
      // If the overlay has this path, linking corrects the link.
      if !isLeftover, listing.hasFile(full) || listing.hasFile(file) {
        left.links += 1
        continue
      }
      // It may lead to a directory, or through a link.
      if !isLeftover, let problem = isThere(file, text) {
        left.links += 1
        if !problem.isEmpty { report(full, .conflict(problem)) }
        continue
      }
      try remove(name, text, from: folder, full)
      report(full, .pruned(target: text))
    }
    return left
  }

  /// Removes a link.
  func remove(
    _ name: Name, _ text: [UInt8], from folder: Folder, _ full: RelativePath
  ) throws(SystemError) {
    if isDryRun { return }
    // Check as late as possible: somebody may have put something else there.
    guard folder.target(of: name) == text else {
      throw SystemError("remove the link", path: full, code: ESTALE)
    }
    guard name.withCPath({ unlinkat(folder.descriptor, $0, 0) }) == 0 else {
      throw SystemError("remove the link", path: full)
    }
  }

  /// Whether the overlay has a link's target.
  ///
  /// - Returns: `nil` if not, an empty text if so, and otherwise why that is unknown.
  func isThere(_ file: RelativePath, _ text: [UInt8]) -> String? {
    // The listing knows better than stat, which s3fs answers from memory.
    if let has = listing.has(file) { return has ? "" : nil }
    if stat(at: text) != nil { return "" }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    return "cannot check whether the overlay has it: \(SystemError.reason())"
  }

  /// - Returns: whether the directory is gone, or would be.
  private func remove(_ path: RelativePath) throws -> Bool {
    if isDryRun { return true }
    guard let name = path.name else { return false }
    guard let folder = try? root.open(path.parent, makesMissing: false) else { return false }
    return folder.removeFolder(name)
  }
}
