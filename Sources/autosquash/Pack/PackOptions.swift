import ArgumentParser
import FileTrees
import Glibc
import Posix
import SquashFS
import SquashFSFormat

struct ImageOptions: ParsableArguments {
  @Option(name: [.short, .long], help: "How blocks are compressed.")
  var compression = Compression.Method.xz

  @Option(help: "Compression level: xz 0-9 (6), gzip 1-12 (9), zstd 1-22 (15), lz4 1-12 (1).")
  var level: Int?

  @Option(
    help: ArgumentHelp(
      """
      Filters for machine code, with xz: none, or processors whose code to look for: x86, arm, \
      armthumb, powerpc, sparc, and arm64 for Linux 6.12 or later.
      """, valueName: "none|name,..."))
  var bcj: FilterChoice?

  @Option(name: [.short, .long], help: "Size of data blocks, a power of two from 4K to 1M.")
  var blockSize = BlockSize.standard

  @Option(help: "Number of threads that compress, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?

  @Flag(name: .customLong("no-probe"), help: "Try to compress data that looks incompressible.")
  var noProbe = false

  @Option(
    help: ArgumentHelp(
      """
      Put the data of these files first, in this order: paths in the image, one per line, as a \
      program reads them; a directory stands for everything in it.
      """, valueName: "file"))
  var order: ByteArgument?

  @Option(
    help: ArgumentHelp(
      """
      standard, or front: names and file tables before the data, so that one read from a bucket \
      fetches them all; 7-Zip cannot open such an image.
      """))
  var layout = ImageWriter.Layout.standard

  @Flag(help: "Add the table that NFS export of the mounted image needs.")
  var exports = false

  func writerOptions() throws -> ImageWriter.Options {
    if bcj?.filters.isEmpty == false && compression != .xz {
      throw ValidationError("--bcj is for --compression xz.")
    }
    let filters = compression == .xz ? bcj?.filters : nil
    guard let compression = Compression(compression, level: level, filters: filters) else {
      let levels = Compression.levels(of: compression)
      guard levels.count > 1 else {
        throw ValidationError("--level has no use with --compression none.")
      }
      throw ValidationError(
        "The level for \(compression) is from \(levels.lowerBound) to \(levels.upperBound).")
    }
    var options = ImageWriter.Options()
    options.compression = compression
    options.blockSize = blockSize
    options.threads = Process.threadCount(threads)
    options.probes = !noProbe
    options.exportable = exports
    options.layout = layout
    return options
  }
}

struct ReadingOptions: ParsableArguments {
  @Flag(help: "Do not go into other file systems.")
  var oneFileSystem = false

  @Flag(
    help: "Leave out files that cannot be read or change meanwhile, count them, and exit with 1.")
  var ignoreUnreadable = false

  @Flag(help: "Read a cut-off archive as far as it goes, and exit with 1.")
  var allowTruncated = false

  @Flag(help: "Fail instead of warning if an image cannot hold something, such as POSIX ACLs.")
  var strict = false
}
