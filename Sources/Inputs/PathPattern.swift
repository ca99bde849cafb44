import FileTrees
import Posix
package import SquashFS
import SquashFSFormat
import TreeModel

/// A user's path in an image: a name, or a pattern for many.
package enum PathPattern {
  /// One result for a path or pattern.
  package struct Match {
    /// The path to show.
    package var path: [UInt8]
    package var inode: ImageInode

    package init(path: [UInt8], inode: ImageInode) {
      self.path = path
      self.inode = inode
    }
  }

  /// Finds the entries it matches. A path that exists under that very name is not a pattern.
  ///
  /// - Returns: an empty list if nothing has the name or matches.
  package static func find(
    _ path: [UInt8], in image: Image, followsLast: Bool
  ) throws -> [Match] {
    if case .success(let inode) = try image.lookup(path, followsLast: followsLast) {
      return [Match(path: path, inode: inode)]
    }
    guard isPattern(path) else { return [] }
    // Patterns start at the top, as paths do.
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

  /// The message for a missing path.
  package static func failure(_ path: [UInt8], in image: Image) throws -> String {
    failure(path, try image.lookup(path, followsLast: true))
  }

  /// Warns about named links that lead to something not in the image or not named.
  ///
  /// - Parameter isTaken: whether a path is named, by itself or through a directory above it.
  package static func warnings(
    of paths: [[UInt8]], in image: Image, isTaken: ([UInt8]) -> Bool
  ) throws -> [String] {
    try paths.compactMap { path in
      guard case .success(let inode) = try image.lookup(path, followsLast: false),
        inode.record.type == .symlink
      else { return nil }
      switch try image.locate(path, followsLast: true) {
      case .failure(let reason): return "warning: " + failure(path, .failure(reason))
      // Naming the top would name everything.
      case .success(let target) where target.path.isEmpty || isTaken(target.path): return nil
      case .success(let target):
        return "warning: \(path.escapedName): is a link to \(target.path.escapedName), "
          + "which is not unpacked; name it too"
      }
    }
  }

  /// The message after looking up a path.
  ///
  /// - Parameter found: the result of the lookup.
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

  /// The message for a name that does not exist, or a pattern without matches.
  static func missing(_ path: [UInt8]) -> String {
    guard isPattern(path), !path.starts(with: "**".utf8) else {
      return "\(path.escapedName): no such file in the image"
    }
    let name = path.drop { $0 == pathSeparator }.escapedName
    return
      "\(path.escapedName): nothing matches at the top of the image; **/\(name) looks everywhere"
  }
}
