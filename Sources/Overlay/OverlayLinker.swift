internal import Glibc
public import Posix

/// Puts a link at its place for every file of an overlay.
public struct OverlayLinker {
  let listing: OverlayListing
  let root: TargetRoot
  let backup: Backup?
  let isDryRun: Bool
  private let link: LinkText

  /// - Parameters:
  ///   - root: the tree in which the links stand.
  ///   - backup: a folder for files that are replaced; `nil` for none.
  /// - Throws: `SystemError` when one of the folders cannot be opened.
  public init(
    _ listing: OverlayListing, root: [UInt8], backup: [UInt8]?, isDryRun: Bool
  ) throws(SystemError) {
    self.listing = listing
    self.root = try TargetRoot(root, overlay: listing.root)
    self.backup = try backup.map { path throws(SystemError) in try Backup(path) }
    self.isDryRun = isDryRun
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
      // From the bottom up, to the first that is there.
      var path = directory.path
      places[path] = isMissing(path)
      while places[path] == true, !path.isEmpty {
        path = path.cut.parent
        if places[path] != nil { break }
        guard isMissing(path) else { break }
        places[path] = true
      }
    }
    return places
  }

  private func isMissing(_ path: [UInt8]) -> Bool {
    do {
      _ = try root.open(path, makesMissing: false)
      return false
    } catch {
      if case .missing = error { return true }
      return false
    }
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
    for directory in listing.directories {
      let folder: TargetFolder?
      do {
        folder = try root.open(directory.path, makesMissing: !isDryRun) { made in
          report(made, .madeDirectory)
        }
      } catch {
        switch error {
        case .missing:
          folder = nil
          for path in missingParts(of: directory.path) where wouldMake.insert(path).inserted {
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
      if let folder { removeLeftover(in: folder) }
      for name in directory.files {
        if shouldStop() { return }
        let path = directory.path.appending(name)
        do {
          report(path, try folder.map { try place(name, at: path, in: $0) } ?? .linked)
        } catch {
          report(path, .conflict("\(error)"))
        }
      }
    }
  }

  private func missingParts(of path: [UInt8]) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var path = path
    while !path.isEmpty, isMissing(path) {
      parts.append(path)
      path = path.cut.parent
    }
    return parts.reversed()
  }

  /// Does what is to be done at one name.
  private func place(
    _ name: [UInt8], at path: [UInt8], in folder: TargetFolder
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
        guard link.path(of: old) != nil else {
          return .conflict("a link to \(old.escapedName) is in the way")
        }
        if !isDryRun { try replace(name, text, in: folder, at: path) }
        return .corrected(from: old)
      case S_IFREG: return try replace(status, name, text, in: folder, at: path)
      case S_IFDIR: return .conflict("a directory is in the way")
      default: return .conflict("a device, pipe or socket is in the way")
      }
    }
    return .conflict("it keeps changing")
  }

  private func make(_ name: [UInt8], _ text: [UInt8], in folder: TargetFolder) -> Bool {
    text.withCPath { text in
      name.withCPath { symlinkat(text, folder.descriptor, $0) }
    } == 0
  }

  /// Puts a link in a file's place. From then on the data is only in the overlay.
  private func replace(
    _ status: stat, _ name: [UInt8], _ text: [UInt8], in folder: TargetFolder, at path: [UInt8]
  ) throws -> OverlayEvent {
    let mine = UInt64(max(0, status.st_size))
    guard let theirs = try readableSize(of: path) else {
      return .conflict("a file is in the way, and the overlay's cannot be read")
    }
    guard theirs > 0 || mine == 0 else {
      return .conflict("a file is in the way, and the overlay's is empty")
    }
    if !isDryRun {
      try backup?.keep(name, status, in: folder, at: path)
      try replace(name, text, in: folder, at: path)
    }
    return .replaced(size: mine, by: theirs)
  }

  /// The size of the overlay's file, once its first byte has been read; `nil` where that fails.
  private func readableSize(of path: [UInt8]) throws(SystemError) -> UInt64? {
    let descriptor = link.text(for: path).withCPath { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    if status.st_size == 0 { return 0 }
    var byte: UInt8 = 0
    guard retryingInterrupts({ pread(descriptor, &byte, 1, 0) }) == 1 else { return nil }
    return UInt64(max(0, status.st_size))
  }

  /// Renames a new link over what is there: at no moment is there nothing.
  private func replace(
    _ name: [UInt8], _ text: [UInt8], in folder: TargetFolder, at path: [UInt8]
  ) throws(SystemError) {
    guard make(Self.temporaryName, text, in: folder) else {
      throw SystemError("make a link beside it", path: path)
    }
    let renamed = Self.temporaryName.withCPath { from in
      name.withCPath { renameat(folder.descriptor, from, folder.descriptor, $0) }
    }
    guard renamed == 0 else {
      let error = SystemError("replace it", path: path)
      _ = Self.temporaryName.withCPath { unlinkat(folder.descriptor, $0, 0) }
      throw error
    }
  }

  /// A link that a run left behind when it was killed.
  private func removeLeftover(in folder: TargetFolder) {
    guard !isDryRun, let text = folder.target(of: Self.temporaryName), link.path(of: text) != nil
    else { return }
    _ = Self.temporaryName.withCPath { unlinkat(folder.descriptor, $0, 0) }
  }
}
