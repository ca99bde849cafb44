internal import Glibc
public import Posix

/// What is remembered of overlays from run to run: the directories in which links were put, so that
/// they can be found when an overlay has them no more, and which of them were made for links.
///
/// It is written before anything is done: a run that is killed leaves no link that is not known.
public struct OverlayState: Equatable, Sendable {
  /// Directories by their paths below the root of the tree, and whether they were made for links.
  public typealias Places = [RelativePath: Bool]

  /// The directories with links into each overlay.
  public var places: [HostPath: Places] = [:]

  public init() {}

  private static let title = Array("autosquash overlay 2".utf8)

  /// The file's name in the folder of the state.
  private static let name: Name = "overlay"
  /// The most bytes it has: what it holds is kept in memory.
  private static let byteLimit = 64 << 20

  /// Reads the file in a folder; there being none is no error.
  ///
  /// - Throws: `SystemError` when it cannot be read, or is no such file: with paths that lead
  ///   elsewhere than their names say, nothing in it can be relied on.
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

  /// - Returns: whether it is what `write` writes.
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

  /// Writes the file; a crash leaves the old one or the new one. Where nothing is remembered, there
  /// is none.
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

/// The folder for the state, in the tree, entered as all of it is: no link of a user leads elsewhere.
public final class OverlayStateFolder {
  /// Only root, or the user who runs this, can change what is in it.
  public let folder: Folder

  /// - Parameters:
  ///   - root: the tree.
  ///   - path: the folder's path below its root.
  ///   - makesMissing: whether it is made where it is not there.
  /// - Returns: `nil` where it is not there.
  /// - Throws: `SystemError` when something is in the way, or users can change it.
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
    // Who only looks may trust root's.
    let isTrusted =
      folder.status.st_uid == geteuid() || (!makesMissing && folder.status.st_uid == 0)
    guard isTrusted, folder.status.st_mode & 0o022 == 0 else {
      throw SystemError(
        "keep the state in a folder that others can change", path: path, code: EPERM)
    }
  }
}
