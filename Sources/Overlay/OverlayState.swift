import Glibc
public import Posix

/// What runs remember about overlays: the directories that received links, to find these when the
/// overlay no longer has the files, and which directories were made for links.
///
/// It is written before anything is done, so that a killed run leaves no unknown link.
public struct OverlayState: Equatable, Sendable {
  /// Directories by their paths below the root of the tree, and whether they were made for links.
  public typealias Places = [RelativePath: Bool]

  /// The directories with links into each overlay.
  public var places: [HostPath: Places] = [:]

  public init() {}

  private static let title = Array("autosquash overlay 2".utf8)

  /// The file's name in the state folder.
  private static let name: Name = "overlay"
  /// Its maximum size in bytes: all of it is kept in memory.
  private static let byteLimit = 64 << 20

  /// Reads the file in a folder; a missing one is no error.
  ///
  /// - Throws: `SystemError` if it is unreadable or not such a file: if paths do not lead where
  ///   their names say, nothing in it is reliable.
  public init(in folder: OverlayStateFolder) throws(SystemError) {
    let folder = folder.folder
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(
        Self.name, in: folder, limit: Self.byteLimit, followsLinks: false)
    } catch {
      if error.code == ENOENT { return }
      throw error
    }
    guard parse(bytes) else {
      throw SystemError(
        "read the list of linked directories", path: folder.path(of: Self.name), code: EBADMSG)
    }
  }

  /// - Returns: whether `write` could have written it.
  private mutating func parse(_ bytes: [UInt8]) -> Bool {
    guard bytes.starts(with: Self.title + [0]) else { return false }
    var rest = bytes[(Self.title.count + 1)...]
    var overlay: HostPath?
    while let sign = rest.popFirst() {
      // A path may hold any byte but NUL.
      guard let end = rest.firstIndex(of: 0) else { return false }
      let path = rest[..<end]
      rest = rest[(end + 1)...]
      switch sign {
      case UInt8(ascii: "o"):
        guard path.isAbsolutePath, let below = RelativePath(path.dropFirst()), !below.isRoot else {
          return false
        }
        overlay = .root.appending(below)
      case UInt8(ascii: "+"), UInt8(ascii: "="):
        guard let overlay, let path = RelativePath(path) else { return false }
        places[overlay, default: [:]][path] = sign == UInt8(ascii: "+")
      default: return false
      }
    }
    return true
  }

  /// Writes the file; a crash leaves the old one or the new one. If nothing is remembered, the file
  /// is removed.
  public func write(to folder: OverlayStateFolder) throws(SystemError) {
    let folder = folder.folder
    if places.isEmpty {
      if try folder.look(Self.name) != nil { try folder.remove(Self.name) }
      return
    }
    var bytes = Self.title + [0]
    for (overlay, places) in places.sorted(by: { $0.key < $1.key }) {
      bytes += [UInt8(ascii: "o")] + overlay.bytes + [0]
      for (place, isMade) in places.sorted(by: { $0.key < $1.key }) {
        bytes.append(isMade ? UInt8(ascii: "+") : UInt8(ascii: "="))
        bytes += place.bytes + [0]
      }
    }
    guard bytes.count <= Self.byteLimit else {
      throw SystemError(
        "remember so many directories", path: folder.path(of: Self.name), code: EFBIG)
    }
    try SmallFile.write(bytes, to: Self.name, in: folder, mode: 0o644)
  }
}

/// The state folder in the tree, entered like the rest of it: no link of a user redirects it.
public final class OverlayStateFolder {
  /// Only root, or the user who runs this, can change its contents.
  public let folder: Folder

  /// - Parameters:
  ///   - root: the tree.
  ///   - path: the folder's path below its root.
  ///   - makesMissing: whether to create it if missing.
  /// - Returns: `nil` if it does not exist.
  /// - Throws: `SystemError` if something is in the way, or users can change it.
  public init?(
    _ path: RelativePath, root: Folder, overlay: OverlayListing, makesMissing: Bool
  ) throws(SystemError) {
    let tree = TargetRoot(root, overlay: overlay)
    do {
      folder = try tree.open(path, makesMissing: makesMissing)
    } catch {
      switch error {
      case .missing: return nil
      case .conflict(let text):
        throw SystemError("keep the state, as \(text)", path: path, code: ENOTDIR)
      }
    }
    // A run that only reads may trust root's.
    let isTrusted =
      folder.status.st_uid == geteuid() || (!makesMissing && folder.status.st_uid == 0)
    guard isTrusted, folder.status.st_mode & 0o022 == 0 else {
      throw SystemError(
        "keep the state in a folder that others can change", path: path, code: EPERM)
    }
  }
}
