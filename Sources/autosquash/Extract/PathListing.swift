import Posix
import SquashFS
import SquashFSFormat

/// The paths that would be unpacked, one a line, as `tar -t` prints them: with a slash after those of
/// directories.
struct PathListing {
  let image: Image

  func write(_ filter: inout PathFilter) throws {
    var output = StandardOutput()
    let root = try image.root()
    var walk = try TreeWalk(image, from: root)
    var inside = [filter.answer([], isInside: false) == .inside]
    while !Interruption.isRequested, let node = try walk.next() {
      inside.removeSubrange(walk.depth...)
      let isDirectory = node.inode.record.type == .directory
      let answer = filter.answer(node.path, isInside: inside[walk.depth - 1])
      if isDirectory {
        inside.append(answer == .inside)
        if answer == .outside { walk.skipChildren() }
      }
      if answer == .inside {
        try output.write(node.path.escapedName + (isDirectory ? "/\n" : "\n"))
      }
    }
    try image.input.checkUnchanged()
    try output.flush()
  }
}
