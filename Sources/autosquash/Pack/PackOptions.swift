import ArgumentParser
import FileTrees
import Glibc
import SquashFS
import SquashFSFormat

struct ImageOptions: ParsableArguments {
  @Option(help: "xz, gzip, zstd, lz4 or none.")
  var compression = "xz"

  @Option(help: "Compression level: xz 0-9 (6), gzip 1-9 (9), zstd 1-22 (15), lz4 1-12 (1).")
  var level: Int?

  @Option(help: "Size of data blocks, a power of two from 4K to 1M.")
  var blockSize = "128K"

  @Option(help: "Number of threads that compress, 1 to 1024. (default: one a processor)")
  var threads: ThreadCount?

  @Flag(name: .customLong("no-probe"), help: "Try to compress data that looks incompressible.")
  var noProbe = false

  @Option(
    help: ArgumentHelp(
      """
      Put the data of these files first, in this order: paths in the image, one a line, as a \
      program reads them; a directory stands for all in it.
      """, valueName: "file"))
  var order: ByteArgument?

  @Option(
    help: ArgumentHelp(
      """
      standard, or front: names and file tables before the data, so that one read from a bucket \
      brings them all; 7-Zip cannot open such an image.
      """))
  var layout = ImageWriter.Layout.standard.rawValue

  @Flag(help: "Add the table that NFS export of the mounted image needs.")
  var exports = false

  func writerOptions() throws -> ImageWriter.Options {
    guard let method = Compression.Method(rawValue: compression) else {
      throw ValidationError(
        "'\(compression)' is no compression; choose xz, gzip, zstd, lz4 or none.")
    }
    let levels = Compression.levels(of: method)
    guard let compression = Compression(method, level: level) else {
      throw ValidationError(
        "The level for \(method) is from \(levels.lowerBound) to \(levels.upperBound).")
    }
    guard let bytes = Self.bytes(blockSize), let size = BlockSize(byteCount: bytes) else {
      throw ValidationError("The block size must be a power of two from 4K to 1M.")
    }
    guard let layout = ImageWriter.Layout(rawValue: layout) else {
      throw ValidationError("'\(layout)' is no layout; choose standard or front.")
    }
    var options = ImageWriter.Options()
    options.compression = compression
    options.blockSize = size
    options.threads = Process.threadCount(threads)
    options.probes = !noProbe
    options.exportable = exports
    options.layout = layout
    return options
  }

  /// A number with K or M.
  private static func bytes(_ text: String) -> Int? {
    switch text.last {
    case "K", "k": Int(text.dropLast()).flatMap { $0 <= 1 << 20 ? $0 << 10 : nil }
    case "M", "m": Int(text.dropLast()).flatMap { $0 <= 1 << 10 ? $0 << 20 : nil }
    default: Int(text)
    }
  }
}

struct OwnershipOptions: ParsableArguments {
  @Option(
    help: "root: all belongs to root; keep: the numbers of the source; UID:GID: all to these.")
  var ownership: String?

  @Option(help: ArgumentHelp("Renumber users, keeping others.", valueName: "from:to[:count]"))
  var uidMap: [String] = []

  @Option(help: ArgumentHelp("Renumber groups, keeping others.", valueName: "from:to[:count]"))
  var gidMap: [String] = []

  @Flag(
    name: .customLong("keep-setid"),
    help: "Keep set-id bits and capabilities of files whose owner changes.")
  var keepSetID = false

  func policy() throws -> OwnershipPolicy {
    var policy = OwnershipPolicy()
    policy.keepsSetID = keepSetID
    policy.uidMap = try uidMap.map { try Self.mapping($0, "--uid-map") }
    policy.gidMap = try gidMap.map { try Self.mapping($0, "--gid-map") }
    let hasMaps = !uidMap.isEmpty || !gidMap.isEmpty
    switch ownership ?? (hasMaps ? "keep" : "root") {
    case "root": policy.owner = .root
    case "keep": policy.owner = .keep
    case let text:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]) else {
        throw ValidationError("'\(text)' is no --ownership; give root, keep or UID:GID in numbers.")
      }
      policy.owner = .fixed(uid: uid, gid: gid)
    }
    if hasMaps && policy.owner != .keep {
      throw ValidationError("--uid-map and --gid-map need --ownership keep.")
    }
    return policy
  }

  private static func mapping(_ text: String, _ option: String) throws -> OwnershipPolicy.Mapping {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    guard (2...3).contains(parts.count), let from = parts[0], let to = parts[1],
      let count = parts.count == 3 ? parts[2] : 1,
      let mapping = OwnershipPolicy.Mapping(from: from, to: to, count: count)
    else {
      throw ValidationError("'\(text)' is no \(option); give FROM:TO or FROM:TO:COUNT in numbers.")
    }
    return mapping
  }
}

struct SelectionOptions: ParsableArguments {
  @Option(help: "Leading directories that names lose; auto: an archive's single top directory.")
  var stripComponents = "auto"

  @Option(
    help: ArgumentHelp("Take only what is below PATH, which becomes the root.", valueName: "path"))
  var rootBecomes: ByteArgument?

  @Option(help: ArgumentHelp("Place everything below PATH in the image.", valueName: "path"))
  var prefix: ByteArgument?

  @Option(
    help: ArgumentHelp(
      "Leave out what matches, at any depth; a leading / anchors, ** crosses directories.",
      valueName: "glob"))
  var exclude: [ByteArgument] = []

  @Option(help: ArgumentHelp("Read such patterns from a file, one a line.", valueName: "file"))
  var excludeFrom: [ByteArgument] = []

  @Option(help: ArgumentHelp("Take only what matches.", valueName: "glob"))
  var include: [ByteArgument] = []

  /// - Parameter readsFiles: whether `--exclude-from` is read; not while arguments are checked.
  func selection(readsFiles: Bool = false) throws -> Selection {
    var selection = Selection()
    if stripComponents != "auto" {
      guard let count = Int(stripComponents), (0...4096).contains(count) else {
        throw ValidationError("--strip-components takes auto or a number.")
      }
      selection.stripping = .components(count)
    }
    selection.rootBecomes = try Self.components(rootBecomes, "--root-becomes")
    selection.prefix = try Self.components(prefix, "--prefix")
    selection.excludes = exclude.map { Glob($0.bytes) }
    selection.includes = include.map { Glob($0.bytes) }
    if readsFiles {
      for file in excludeFrom { selection.excludes += try PatternFile.read(file.bytes) }
    }
    return selection
  }

  private static func components(_ path: ByteArgument?, _ option: String) throws -> [[UInt8]] {
    guard let path else { return [] }
    guard let components = Selection.components(ofUserPath: path.bytes) else {
      throw ValidationError("\(option) takes a path without \"..\" and names of up to 255 bytes.")
    }
    return components
  }
}

struct ReadingOptions: ParsableArguments {
  @Flag(help: "Do not go into other file systems.")
  var oneFileSystem = false

  @Flag(help: "Leave out files that cannot be read, count them, and exit with 1.")
  var ignoreUnreadable = false

  @Flag(help: "Read an archive that ends too early as far as it goes, and exit with 1.")
  var allowTruncated = false

  @Flag(help: "Fail on what an image cannot hold, such as POSIX ACLs, instead of warning.")
  var strict = false
}

struct MessageOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Print errors only.")
  var quiet = false

  @Flag(name: [.short, .long], help: "Name each file that is left out.")
  var verbose = false

  @Flag(help: "Print the result as JSON on standard output.")
  var json = false

  @Option(help: "auto (on a terminal), always or never.")
  var progress = ProgressMode.auto
}
