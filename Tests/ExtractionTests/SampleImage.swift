import FileTrees
import Posix
import SquashFS
import SquashFSFormat
import TestSupport
import TreeModel

/// An image of samples, in a file without a name.
struct SampleImage {
  let image: Image
  let path: [UInt8]
  private let file: AtomicFile

  init(_ lines: [String]) throws {
    let folder = try TemporaryFolder()
    file = try AtomicFile(path: HostPath(folder.path("image")), replacing: false)
    path = Array("/proc/self/fd/\(file.descriptor)".utf8)
    var options = ImageWriter.Options()
    options.compression = Compression(.gzip)!
    options.blockSize = BlockSize(byteCount: 4096)!
    options.threads = 1
    let writer = try ImageWriter(file, options: options)
    let assembler = TreeAssembler(SampleImage.asItIs, content: writer.content)
    try Sample.deliver(lines, to: assembler)
    _ = try writer.finish(assembler.finish(), modified: 0)
    image = try Image(ImageInput(path: path))
  }

  /// Keeps owners and modes.
  static var asItIs: TreeAssembler.Options {
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    options.ownership.keepsSetID = true
    options.xattrs = .all
    return options
  }
}
