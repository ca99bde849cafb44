internal import Glibc

/// Paths that nobody can lead elsewhere but root, and the user who runs this.
public enum PrivatePath {
  /// Why a path is none.
  public struct Problem: Error, CustomStringConvertible {
    /// The directory or link that others can change: the path, or something on its way.
    public var path: [UInt8]

    public var description: String {
      "\(path.escapedName): users can change this; have it belong to root, and be writable for nobody"
        + " else"
    }
  }

  /// As many links in one path as the kernel follows.
  private static let mostLinks = 40

  /// Looks at every directory and every link on the way, from the root on: what is in a directory
  /// that only root can change stays as it was seen.
  ///
  /// Others may write in a directory on the way if it is sticky, as `/tmp` is: what root has there
  /// they cannot move. What is not there yet is nobody's.
  ///
  /// - Parameter path: absolute.
  public static func check(_ path: [UInt8]) throws(Problem) {
    let trusted = [0, geteuid()]
    var way: [UInt8] = []
    var rest = split(path)
    var links = 0
    while let part = rest.popFirst() {
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) {
        way = Array(way[..<(way.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
        continue
      }
      let next = way + [UInt8(ascii: "/")] + part
      var status = stat()
      guard next.withCPath({ lstat($0, &status) }) == 0 else { return }
      guard trusted.contains(status.st_uid) else { throw Problem(path: next) }
      guard status.isLink else {
        let isSticky = status.st_mode & S_ISVTX != 0 && !rest.isEmpty
        guard status.st_mode & 0o022 == 0 || isSticky else { throw Problem(path: next) }
        way = next
        continue
      }
      links += 1
      guard links <= mostLinks, let folder = try? Folder(at: way.isEmpty ? Array("/".utf8) : way),
        let target = folder.target(of: part)
      else { throw Problem(path: next) }
      if target.first == UInt8(ascii: "/") { way = [] }
      rest = (split(target) + rest)[...]
    }
  }

  private static func split(_ path: [UInt8]) -> ArraySlice<[UInt8]> {
    path.split(separator: UInt8(ascii: "/")).map { Array($0) }[...]
  }
}
