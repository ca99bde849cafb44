import Extraction
import Posix
import SquashFS
import SquashFSFormat
import TreeModel

/// The paths that would be unpacked, one per line and with a slash after directories, as in
/// `tar -t`.
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
