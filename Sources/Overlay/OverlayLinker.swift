import Glibc
public import Posix

/// Makes a link for every file of an overlay.
public struct OverlayLinker {
  let listing: OverlayListing
  let root: TargetRoot
  let backup: Backup?
  let isDryRun: Bool
  private let reserved: RelativePath
  private let link: LinkText
  private let earlier: [EarlierOverlay]
  private let others: [HostPath]

  /// - Parameters:
  ///   - root: the tree to put the links in.
  ///   - reserved: the path of the state below the root of the tree; no links are made there.
  ///   - state: the folder at that path, if it exists.
  ///   - backup: a folder for replaced files; `nil` for none.
  ///   - earlier: the overlay's earlier locations; links there are updated.
  ///   - others: overlays with links in the tree that have not moved.
  /// - Throws: `SystemError` if the backup cannot be opened.
  public init(
    _ listing: OverlayListing, root: Folder, reserved: RelativePath, state: OverlayStateFolder?,
    backup: HostPath?,
    earlier: [EarlierOverlay] = [], others: [HostPath] = [], isDryRun: Bool
  ) throws(SystemError) {
    self.listing = listing
    self.earlier = earlier
    self.others = others
    self.root = TargetRoot(
      root, overlay: listing, reserved: state?.folder, earlier: earlier)
    self.backup =
      isDryRun ? nil : try backup.map { path throws(SystemError) in try Backup(path) }
    self.isDryRun = isDryRun
    self.reserved = reserved
    link = LinkText(overlay: listing.root)
  }

  /// A link's name before it takes its place.
  static let temporaryName: Name = ".autosquash-overlay.tmp"

  /// The directories that will hold links, and whether each is still missing.
  ///
  /// Remember them before `run`.
  public func places() -> OverlayState.Places {
    var places: OverlayState.Places = [:]
    for directory in listing.directories {
      places[directory.path] = places[directory.path] ?? false
      do { _ = try root.open(directory.path, makesMissing: false) } catch {
        guard case .missing(let paths) = error else { continue }
        for path in paths { places[path] = true }
      }
    }
    return places
  }

  /// Makes the links, one directory after the other.
  ///
  /// - Parameters:
  ///   - shouldStop: asked before each file.
  ///   - report: called with the outcome at each path.
  public func run(
    shouldStop: () -> Bool = { false }, report: (RelativePath, OverlayEvent) -> Void
  ) {
    var wouldMake: Set<RelativePath> = []
    var entered: [FileID: OverlayListing.Directory] = [:]
    for directory in listing.directories {
      if shouldStop() { return }
      let folder: Folder?
      do { folder = try enter(directory, &wouldMake, report: report) } catch {
        for name in directory.files {
          report(directory.path.appending(name), .conflict(error.text))
        }
        continue
      }
      if let folder { removeLeftovers(in: folder) }
      // Two directories of the overlay can be the same on this machine, like /bin and /usr/bin.
      let earlier = folder.flatMap { entered.updateValue(directory, forKey: $0.status.identity) }
      let taken = Set(earlier?.files ?? [])
      for name in directory.files {
        if shouldStop() { return }
        let path = directory.path.appending(name)
        if let earlier, taken.contains(name) {
          let other = earlier.path.appending(name).escapedName
          report(path, .conflict("/\(other) of the overlay has the same place on this machine"))
        } else {
          report(path, link(name, at: path, in: folder))
        }
      }
    }
  }

  /// Why a directory cannot take links.
  private struct InTheWay: Error {
    var text: String
  }

  /// Opens a directory, creating it if missing.
  ///
  /// - Returns: `nil` if a dry run would create it.
  private func enter(
    _ directory: OverlayListing.Directory, _ wouldMake: inout Set<RelativePath>,
    report: (RelativePath, OverlayEvent) -> Void
  ) throws(InTheWay) -> Folder? {
    do {
      return try root.open(directory.path, makesMissing: !isDryRun) { report($0, .madeDirectory) }
    } catch {
      switch error {
      case .missing(let paths):
        for path in paths where wouldMake.insert(path).inserted { report(path, .madeDirectory) }
        return nil
      case .conflict(let text): throw InTheWay(text: text)
      }
    }
  }

  /// Handles one name.
  ///
  /// - Parameter folder: `nil` if a dry run would create it.
  private func link(_ name: Name, at path: RelativePath, in folder: Folder?) -> OverlayEvent {
    if isReserved(name, at: path) { return .conflict(TargetRoot.reservedText) }
    guard let folder else { return .linked }
    do { return try place(name, at: path, in: folder) } catch { return .conflict("\(error)") }
  }

  /// Whether runs need a name for themselves.
  private func isReserved(_ name: Name, at path: RelativePath) -> Bool {
    name == Self.temporaryName || name == TargetRoot.temporaryName
      || path.parent.isAtOrBelow(reserved)
  }

  private func place(
    _ name: Name, at path: RelativePath, in folder: Folder
  ) throws -> OverlayEvent {
    let text = link.text(for: path)
    // Somebody may interfere.
    for _ in 0..<3 {
      guard let status = try folder.look(name) else {
        if isDryRun { return .linked }
        if make(name, text, in: folder) { return .linked }
        if errno == EEXIST { continue }
        throw SystemError("make the link", path: path)
      }
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        guard let old = folder.target(of: name) else { continue }
        if old == text { return .right }
        let hasMoved = earlier.contains { $0.hasMade(old, status, at: path) }
        guard hasMoved || link.path(of: old) != nil else {
          return .conflict(
            "a link to \(old.escapedName) is in the way\(hint(old, status, at: path))")
        }
        if !isDryRun {
          guard try swap(name, status, text, in: folder, at: path) else { continue }
        }
        return hasMoved ? .moved(from: old) : .corrected(from: old)
      case S_IFREG:
        guard let event = try replaceFile(name, status, text, in: folder, at: path) else {
          continue
        }
        return event
      case S_IFDIR: return .conflict("a directory is in the way")
      default: return .conflict("a device, pipe or socket is in the way")
      }
    }
    return .conflict("the file kept changing; gave up after 3 attempts")
  }

  /// Advice about a link made for another overlay.
  private func hint(_ text: [UInt8], _ status: stat, at path: RelativePath) -> String {
    guard
      let other = others.first(where: {
        EarlierOverlay(path: $0, places: nil).hasMade(text, status, at: path)
      })
    else { return "" }
    return "; that overlay still exists; --was \(other.escapedName) moves the link"
  }

  private func make(_ name: Name, _ text: [UInt8], in folder: Folder) -> Bool {
    text.withCPath { text in
      name.withCPath { symlinkat(text, folder.descriptor, $0) }
    } == 0
  }

  /// Replaces a file with a link. From then on only the overlay has the data.
  ///
  /// - Returns: `nil` if the file has changed meanwhile.
  private func replaceFile(
    _ name: Name, _ status: stat, _ text: [UInt8], in folder: Folder, at path: RelativePath
  ) throws -> OverlayEvent? {
    let mine = status.size
    guard let theirs = readable(path) else {
      return .conflict("a file is in the way, and the overlay's cannot be read")
    }
    guard theirs.identity != status.identity else {
      return .conflict("it is the overlay's own file")
    }
    guard theirs.size > 0 || mine == 0 else {
      return .conflict("a file is in the way, and the overlay's is empty")
    }
    if !isDryRun {
      try backup?.keep(name, status, in: folder, at: path)
      guard try swap(name, status, text, in: folder, at: path) else { return nil }
    }
    return .replaced(size: mine, by: theirs.size)
  }

  /// The overlay's file, once its first byte has been read; `nil` if that fails.
  private func readable(_ path: RelativePath) -> stat? {
    // A link could lead to the very file it should replace.
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
    guard let file = Descriptor(opening: link.text(for: path), flags),
      let status = stat(of: file.number), status.isRegular
    else { return nil }
    if status.st_size == 0 { return status }
    var byte: UInt8 = 0
    return withUnsafeMutableBytes(of: &byte) { readFully(file.number, into: $0, at: 0) } == 1
      ? status : nil
  }

  /// Renames a new link over an entry: the name never disappears.
  ///
  /// - Returns: whether it still was the entry that was checked.
  private func swap(
    _ name: Name, _ status: stat, _ text: [UInt8], in folder: Folder, at path: RelativePath
  ) throws(SystemError) -> Bool {
    guard make(Self.temporaryName, text, in: folder) else {
      throw SystemError("make a link beside it", path: path)
    }
    func giveUp() { try? folder.remove(Self.temporaryName) }
    // During a backup or a slow request, a user may have saved something new.
    guard let now = try? folder.look(name), now.identity == status.identity,
      now.size == status.size, now.modified == status.modified
    else {
      giveUp()
      return false
    }
    let renamed = Self.temporaryName.withCPath { from in
      name.withCPath { renameat(folder.descriptor, from, folder.descriptor, $0) }
    }
    guard renamed == 0 else {
      let error = SystemError("replace it", path: path)
      giveUp()
      throw error
    }
    return true
  }

  /// Removes what a killed run left behind: a link, or an empty directory.
  private func removeLeftovers(in folder: Folder) {
    guard !isDryRun else { return }
    folder.removeFolder(TargetRoot.temporaryName)
    guard let text = folder.target(of: Self.temporaryName),
      ([link] + earlier.map(\.link)).contains(where: { $0.path(of: text) != nil })
    else { return }
    try? folder.remove(Self.temporaryName)
  }
}
