import Extraction
import Posix
import SquashFS
import SquashFSFormat
import TreeModel

/// The paths that would be unpacked, one a line, as `tar -t` prints them: with a slash after those of
/// directories.
struct PathListing {
  let image: Image

  func write(_ filter: inout PathFilter) throws {
    var output = StandardOutput()
    var walk = try SelectedWalk(image, filter)
    while !Interruption.isRequested, let node = try walk.next() {
      let isDirectory = node.inode.record.type == .directory
      try output.write(node.path.escapedName + (isDirectory ? "/\n" : "\n"))
    }
    filter = walk.filter
    try image.input.checkUnchanged()
    try output.flush()
  }
}
