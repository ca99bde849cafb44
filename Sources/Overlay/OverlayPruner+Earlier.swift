import Glibc
public import Posix

extension OverlayPruner {
  /// Removes links made at an earlier location of the overlay whose files it no longer has.
  /// `OverlayLinker` updates the others.
  ///
  /// - Parameters:
  ///   - places: the directories to search; those without such links are removed from it.
  ///   - report: called with each path that was changed, or could not be.
  public func run(
    _ earlier: EarlierOverlay, _ places: inout OverlayState.Places,
    shouldStop: () -> Bool = { false },
    report: (RelativePath, OverlayEvent) -> Void
  ) {
    for path in places.keys.sorted() {
      if shouldStop() { return }
      // A directory that cannot be entered may come back, like a home that is not mounted.
      guard let folder = try? root.open(path, makesMissing: false) else { continue }
      do {
        let left = try prune(earlier, folder, path, report: report)
        if left == 0 && !isDryRun { places[path] = nil }
      } catch {
        report(path, .conflict("\(error)"))
      }
    }
  }

  /// - Returns: how many of those links stay in the directory.
  private func prune(
    _ earlier: EarlierOverlay, _ folder: Folder, _ path: RelativePath,
    report: (RelativePath, OverlayEvent) -> Void
  ) throws -> Int {
    var left = 0
    for name in try folder.names().sorted() {
      let full = path.appending(name)
      guard let text = folder.target(of: name), let status = try folder.look(name) else { continue }
      if name == OverlayLinker.temporaryName {
        guard earlier.link.path(of: text) != nil else { continue }
      } else {
        guard earlier.hasMade(text, status, at: full) else { continue }
        // Ask at the overlay's current location: the earlier one may be a hung mount.
        if let problem = isThere(full, link.text(for: full)) {
          left += 1
          if !problem.isEmpty { report(full, .conflict(problem)) }
          continue
        }
      }
      try remove(name, text, from: folder, full)
      report(full, .pruned(target: text))
    }
    return left
  }
}
