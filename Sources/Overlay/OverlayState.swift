internal import Glibc
public import Posix

/// What is remembered of overlays from run to run: the directories in which links were put, so that
/// they can be found when an overlay has them no more, and which of them were made for links.
///
/// It is written before anything is done: a run that is killed leaves no link that is not known.
public struct OverlayState: Equatable, Sendable {
  /// For each overlay, paths below the root of the tree, and whether the directory was made.
  public var places: [[UInt8]: [[UInt8]: Bool]] = [:]

  public init() {}

  private static let title = Array("autosquash overlay 2".utf8)

  /// Reads a file; there being none is no error.
  ///
  /// - Throws: `SystemError` when it cannot be read, or is no such file.
  public init(path: [UInt8]) throws(SystemError) {
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(path, limit: 1 << 30, followsLinks: false)
    } catch {
      if error.code == ENOENT { return }
      throw error
    }
    // A path may hold any byte but NUL.
    let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.first?.elementsEqual(Self.title) == true, bytes.last == 0 else {
      throw SystemError("read the list of linked directories", path: path, code: EBADMSG)
    }
    var overlay: [UInt8] = []
    for part in parts.dropFirst() {
      switch part.first {
      case UInt8(ascii: "o"): overlay = Array(part.dropFirst())
      case UInt8(ascii: "+"): places[overlay, default: [:]][Array(part.dropFirst())] = true
      case UInt8(ascii: "="): places[overlay, default: [:]][Array(part.dropFirst())] = false
      default: break
      }
    }
  }

  /// Writes the file; a crash leaves the old one or the new one.
  public func write(to path: [UInt8]) throws(SystemError) {
    var bytes = Self.title + [0]
    for (overlay, places) in places.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      bytes += [UInt8(ascii: "o")] + overlay + [0]
      for (place, isMade) in places.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        bytes.append(isMade ? UInt8(ascii: "+") : UInt8(ascii: "="))
        bytes += place + [0]
      }
    }
    try SmallFile.write(bytes, to: path, mode: 0o644)
  }
}

/// The folder for the state, in the tree, entered as all of it is: no link of a user leads elsewhere.
public final class OverlayStateFolder {
  private let folder: TargetFolder

  /// - Parameters:
  ///   - root: the tree.
  ///   - path: the folder's path below its root.
  ///   - makesMissing: whether it is made where it is not there.
  /// - Returns: `nil` where it is not there.
  /// - Throws: `SystemError` when something is in the way, or users can change it.
  public init?(
    _ path: [UInt8], root: [UInt8], overlay: [UInt8], makesMissing: Bool
  ) throws(SystemError) {
    let tree = try TargetRoot(root, overlay: overlay)
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

  /// The path of a file in it, for as long as this value lives.
  public func file(_ name: String) -> [UInt8] {
    Array("/proc/self/fd/\(folder.descriptor)/\(name)".utf8)
  }
}
