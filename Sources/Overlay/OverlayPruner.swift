internal import Glibc
public import Posix

/// Removes links into an overlay that has no such files any more.
public struct OverlayPruner {
  let listing: OverlayListing
  let root: TargetRoot
  let isDryRun: Bool
  private let link: LinkText

  /// - Parameter listing: of an overlay with at least one file: an empty one may be a mount that
  ///   is lost, and is refused.
  /// - Throws: `SystemError` when one of the folders cannot be opened, and `ENODATA` for an empty
  ///   overlay.
  public init(_ listing: OverlayListing, root: [UInt8], isDryRun: Bool) throws(SystemError) {
    guard listing.fileCount > 0 else {
      throw SystemError("prune by an overlay without files", path: listing.root, code: ENODATA)
    }
    self.listing = listing
    self.root = try TargetRoot(root, overlay: listing.root)
    self.isDryRun = isDryRun
    link = LinkText(overlay: listing.root)
  }

  /// Removes the links, and directories that were made for them and are empty.
  ///
  /// - Parameters:
  ///   - state: the directories to look into; those that are gone, or of no more concern, are taken
  ///     out.
  ///   - report: called with each path that was changed, or is in a directory that cannot be
  ///     entered.
  public func run(
    _ state: inout OverlayState, shouldStop: () -> Bool = { false },
    report: ([UInt8], OverlayEvent) -> Void
  ) {
    for directory in listing.directories where state.directories[directory.path] == nil {
      state.directories[directory.path] = false
    }
    var removed: Set<[UInt8]> = []
    // Children first, so that their parents can become empty.
    let paths = state.directories.keys.sorted { $1.lexicographicallyPrecedes($0) }
    let needed = Set(listing.directories.map(\.path))
    for path in paths {
      if shouldStop() { return }
      let folder: TargetFolder
      do { folder = try root.open(path, makesMissing: false) } catch {
        switch error {
        case .missing: if !needed.contains(path) { state.directories[path] = nil }
        case .conflict(let text): report(path, .conflict(text))
        }
        continue
      }
      do {
        let left = try prune(folder, path, removed, report: report)
        if needed.contains(path) || left.links > 0 { continue }
        if state.directories[path] == true {
          guard left.others == 0, try remove(path) else { continue }
          removed.insert(path)
          report(path, .removedDirectory)
        }
        if !isDryRun { state.directories[path] = nil }
      } catch {
        report(path, .conflict("\(error)"))
      }
    }
  }

  /// - Returns: how many names stay in the directory.
  private func prune(
    _ folder: TargetFolder, _ path: [UInt8], _ removed: Set<[UInt8]>,
    report: ([UInt8], OverlayEvent) -> Void
  ) throws -> (links: Int, others: Int) {
    var left = (links: 0, others: 0)
    for name in try folder.names().sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let full = path.appending(name)
      guard let text = folder.target(of: name), let file = link.path(of: text) else {
        if !removed.contains(full) { left.others += 1 }
        continue
      }
      if listing.hasFile(file) && name != OverlayLinker.temporaryName {
        left.links += 1
        continue
      }
      // Whose link it is was read; who replaces it meanwhile by a file of his own loses it not.
      if !isDryRun {
        guard folder.target(of: name) == text,
          name.withCPath({ unlinkat(folder.descriptor, $0, 0) }) == 0
        else { throw SystemError("remove the link", path: full) }
      }
      report(full, .pruned(target: text))
    }
    return left
  }

  /// - Returns: whether the directory is gone, or would be.
  private func remove(_ path: [UInt8]) throws -> Bool {
    if isDryRun { return true }
    let (parent, name) = path.cut
    guard let folder = try? root.open(parent, makesMissing: false) else { return false }
    return name.withCPath { unlinkat(folder.descriptor, $0, AT_REMOVEDIR) } == 0
  }
}
