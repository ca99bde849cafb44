import FileTrees
import Posix
package import SquashFS
import SquashFSFormat
import TreeModel

/// A path in an image as a user gives it: a name, or a pattern for many.
package enum PathPattern {
  /// What a path or a pattern means.
  package struct Match {
    /// As it is shown.
    package var path: [UInt8]
    package var inode: ImageInode

    package init(path: [UInt8], inode: ImageInode) {
      self.path = path
      self.inode = inode
    }
  }

  /// Finds what is meant. What exists under that very name is never taken for a pattern.
  ///
  /// - Returns: nothing where nothing has the name or matches.
  package static func find(
    _ path: [UInt8], in image: Image, followsLast: Bool
  ) throws -> [Match] {
    if case .success(let inode) = try image.lookup(path, followsLast: followsLast) {
      return [Match(path: path, inode: inode)]
    }
    guard isPattern(path) else { return [] }
    // Patterns begin at the top, as paths do.
    let components = path.pathComponents
      .filter { !$0.elementsEqual(".".utf8) }
    let glob = Glob([pathSeparator] + components.joinedPath)
    let isDeep = path.indices.dropLast().contains {
      path[$0] == UInt8(ascii: "*") && path[$0 + 1] == UInt8(ascii: "*")
    }
    let needsDirectory = path.last == pathSeparator
    var walk = try TreeWalk(image, from: image.root())
    var matches: [Match] = []
    while let node = try walk.next() {
      if glob.matches(node.path[...]), !needsDirectory || node.inode.record.type == .directory {
        matches.append(Match(path: node.path, inode: node.inode))
      }
      if !isDeep && walk.depth >= components.count { walk.skipChildren() }
    }
    return matches
  }

  private static func isPattern(_ path: [UInt8]) -> Bool {
    path.contains { "*?[\\".utf8.contains($0) }
  }

  /// What to say of a path that is not there.
  package static func failure(_ path: [UInt8], in image: Image) throws -> String {
    failure(path, try image.lookup(path, followsLast: true))
  }

  /// Warns of links that are named, and lead to what is not in the image or not named.
  ///
  /// - Parameter isTaken: whether a path is named, by itself or with a directory that it is in.
  package static func warnings(
    of paths: [[UInt8]], in image: Image, isTaken: ([UInt8]) -> Bool
  ) throws -> [String] {
    try paths.compactMap { path in
      guard case .success(let inode) = try image.lookup(path, followsLast: false),
        inode.record.type == .symlink
      else { return nil }
      switch try image.locate(path, followsLast: true) {
      case .failure(let reason): return "warning: " + failure(path, .failure(reason))
      // To name the top would be to name all.
      case .success(let target) where target.path.isEmpty || isTaken(target.path): return nil
      case .success(let target):
        return "warning: \(path.escapedName): is a link to \(target.path.escapedName), "
          + "which is not unpacked; name that too"
      }
    }
  }

  /// What to say of a path that was looked for.
  ///
  /// - Parameter found: what came of it.
  package static func failure(
    _ path: [UInt8], _ found: Result<ImageInode, Image.LookupFailure>
  ) -> String {
    switch found {
    case .failure(.notADirectory): "\(path.escapedName): part of this path is not a directory"
    case .failure(.tooManyLinks): "\(path.escapedName): too many symbolic links"
    case .failure(.dangling(let link, let target)):
      "\(path.escapedName): \(isSame(link, path) ? "" : link.escapedName + " ")is a link to "
        + "\(target.escapedName), which is not in the image"
    case .success: "\(path.escapedName): name it by its own path, without links and \"..\""
    default: missing(path)
    }
  }

  private static func isSame(_ path: [UInt8], _ given: [UInt8]) -> Bool {
    let components = given.pathComponents.filter {
      !$0.elementsEqual(".".utf8)
    }
    return components.joined(separator: "/".utf8).elementsEqual(path)
  }

  /// What to say of a name that nothing has, or a pattern that nothing matches.
  static func missing(_ path: [UInt8]) -> String {
    guard isPattern(path), !path.starts(with: "**".utf8) else {
      return "\(path.escapedName): no such file in the image"
    }
    let name = path.drop { $0 == pathSeparator }.escapedName
    return
      "\(path.escapedName): nothing matches at the top of the image; **/\(name) looks everywhere"
  }
}
