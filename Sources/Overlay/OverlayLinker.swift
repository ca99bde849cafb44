internal import Glibc
public import Posix

/// Puts a link at its place for every file of an overlay.
public struct OverlayLinker {
  let listing: OverlayListing
  let root: TargetRoot
  let backup: Backup?
  let isDryRun: Bool
  private let reserved: [UInt8]
  private let link: LinkText
  private let earlier: [EarlierOverlay]
  private let others: [[UInt8]]

  /// - Parameters:
  ///   - root: the tree in which the links stand.
  ///   - reserved: the path below the root of the tree at which the state is kept; no links are made
  ///     there.
  ///   - state: the folder at that place, where it is there.
  ///   - backup: a folder for files that are replaced; `nil` for none.
  ///   - earlier: where the overlay was before; links there are led to where it is.
  ///   - others: overlays with links in the tree that are still where they were.
  /// - Throws: `SystemError` when the backup cannot be opened.
  public init(
    _ listing: OverlayListing, root: Folder, reserved: [UInt8], state: OverlayStateFolder?,
    backup: [UInt8]?,
    earlier: [EarlierOverlay] = [], others: [[UInt8]] = [], isDryRun: Bool
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

  /// What a link is called before it takes its place.
  static let temporaryName = Array(".autosquash-overlay.tmp".utf8)

  /// The directories that will hold links, and whether they are not there yet.
  ///
  /// Remember them before `run`.
  public func places() -> [[UInt8]: Bool] {
    var places: [[UInt8]: Bool] = [:]
    for directory in listing.directories {
      places[directory.path] = places[directory.path] ?? false
      do { _ = try root.open(directory.path, makesMissing: false) } catch {
        guard case .missing(let paths) = error else { continue }
        for path in paths { places[path] = true }
      }
    }
    return places
  }

  /// Makes the links, directory after directory.
  ///
  /// - Parameters:
  ///   - shouldStop: asked before each file.
  ///   - report: called with each path and what came of it.
  public func run(
    shouldStop: () -> Bool = { false }, report: ([UInt8], OverlayEvent) -> Void
  ) {
    var wouldMake: Set<[UInt8]> = []
    var entered: [FolderIdentity: OverlayListing.Directory] = [:]
    for directory in listing.directories {
      let folder: Folder?
      do {
        folder = try root.open(directory.path, makesMissing: !isDryRun) { made in
          report(made, .madeDirectory)
        }
      } catch {
        switch error {
        case .missing(let paths):
          folder = nil
          for path in paths where wouldMake.insert(path).inserted {
            report(path, .madeDirectory)
          }
        case .conflict(let text):
          for name in directory.files {
            if shouldStop() { return }
            report(directory.path.appending(name), .conflict(text))
          }
          continue
        }
      }
      if let folder { removeLeftovers(in: folder) }
      // Two directories of the overlay can be one on this machine, as /bin and /usr/bin.
      let id = folder.map { FolderIdentity($0.status) }
      let earlier = id.flatMap { entered.updateValue(directory, forKey: $0) }
      let taken = Set(earlier?.files ?? [])
      for name in directory.files {
        if shouldStop() { return }
        let path = directory.path.appending(name)
        if let earlier, taken.contains(name) {
          let other = earlier.path.appending(name).escapedName
          report(path, .conflict("/\(other) of the overlay has the same place on this machine"))
          continue
        }
        if isReserved(name, at: path) {
          report(path, .conflict(TargetRoot.reservedText))
          continue
        }
        do {
          report(path, try folder.map { try place(name, at: path, in: $0) } ?? .linked)
        } catch {
          report(path, .conflict("\(error)"))
        }
      }
    }
  }

  /// Whether a name is one that runs need for themselves.
  private func isReserved(_ name: [UInt8], at path: [UInt8]) -> Bool {
    name == Self.temporaryName || name == TargetRoot.temporaryName
      || path.starts(with: reserved + [UInt8(ascii: "/")])
  }

  /// Does what is to be done at one name.
  private func place(
    _ name: [UInt8], at path: [UInt8], in folder: Folder
  ) throws -> OverlayEvent {
    let text = link.text(for: path)
    // Somebody may come in between.
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
          guard try replace(name, status, text, in: folder, at: path) else { continue }
        }
        return hasMoved ? .moved(from: old) : .corrected(from: old)
      case S_IFREG:
        guard let event = try replace(status, name, text, in: folder, at: path) else { continue }
        return event
      case S_IFDIR: return .conflict("a directory is in the way")
      default: return .conflict("a device, pipe or socket is in the way")
      }
    }
    return .conflict("it keeps changing")
  }

  /// What may be done about a link that was made for another overlay.
  private func hint(_ text: [UInt8], _ status: stat, at path: [UInt8]) -> String {
    guard
      let other = others.first(where: {
        EarlierOverlay(path: $0, places: nil).hasMade(text, status, at: path)
      })
    else { return "" }
    return "; that overlay is still there, --was \(other.escapedName) would move the link"
  }

  private func make(_ name: [UInt8], _ text: [UInt8], in folder: Folder) -> Bool {
    text.withCPath { text in
      name.withCPath { symlinkat(text, folder.descriptor, $0) }
    } == 0
  }

  /// Puts a link in a file's place. From then on the data is only in the overlay.
  ///
  /// - Returns: `nil` when the file has changed meanwhile.
  private func replace(
    _ status: stat, _ name: [UInt8], _ text: [UInt8], in folder: Folder, at path: [UInt8]
  ) throws -> OverlayEvent? {
    let mine = UInt64(max(0, status.st_size))
    guard let theirs = readable(path) else {
      return .conflict("a file is in the way, and the overlay's cannot be read")
    }
    guard theirs.st_dev != status.st_dev || theirs.st_ino != status.st_ino else {
      return .conflict("it is the overlay's own file")
    }
    guard theirs.st_size > 0 || mine == 0 else {
      return .conflict("a file is in the way, and the overlay's is empty")
    }
    if !isDryRun {
      try backup?.keep(name, status, in: folder, at: path)
      guard try replace(name, status, text, in: folder, at: path) else { return nil }
    }
    return .replaced(size: mine, by: UInt64(max(0, theirs.st_size)))
  }

  /// The overlay's file, once its first byte has been read; `nil` where that fails.
  private func readable(_ path: [UInt8]) -> stat? {
    let descriptor = link.text(for: path).withCPath {
      // A link could lead to the very file that it is to replace.
      open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    if status.st_size == 0 { return status }
    var byte: UInt8 = 0
    return retryingInterrupts({ pread(descriptor, &byte, 1, 0) }) == 1 ? status : nil
  }

  /// Renames a new link over what is there: at no moment is there nothing.
  ///
  /// - Returns: whether that was still what was looked at.
  private func replace(
    _ name: [UInt8], _ status: stat, _ text: [UInt8], in folder: Folder, at path: [UInt8]
  ) throws(SystemError) -> Bool {
    guard make(Self.temporaryName, text, in: folder) else {
      throw SystemError("make a link beside it", path: path)
    }
    func giveUp() { _ = Self.temporaryName.withCPath { unlinkat(folder.descriptor, $0, 0) } }
    // A backup or a slow bucket takes its time, in which a user may have saved something new.
    guard let now = try? folder.look(name), now.st_ino == status.st_ino,
      now.st_dev == status.st_dev, now.st_size == status.st_size,
      now.st_mtim.tv_sec == status.st_mtim.tv_sec, now.st_mtim.tv_nsec == status.st_mtim.tv_nsec
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

  /// What a run left behind when it was killed: a link, or an empty directory.
  private func removeLeftovers(in folder: Folder) {
    guard !isDryRun else { return }
    _ = TargetRoot.temporaryName.withCPath { unlinkat(folder.descriptor, $0, AT_REMOVEDIR) }
    guard let text = folder.target(of: Self.temporaryName),
      ([link] + earlier.map(\.link)).contains(where: { $0.path(of: text) != nil })
    else { return }
    _ = Self.temporaryName.withCPath { unlinkat(folder.descriptor, $0, 0) }
  }
}
