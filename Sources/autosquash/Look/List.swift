import ArgumentParser
import Glibc
import Inputs
import Listings
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// `autosquash ls`: the contents of an image.
struct List: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List files of an image, without mounting it.",
    discussion: """
      Like ls(1). Each PATH is a file or directory in the image, or a pattern (*, ?, [a-z], \
      ** across directories), which begins at the top and matches names with a dot too; without \
      one, the top is listed. Owners are numbers: the names of this machine's users mean nothing \
      in an image.
      """,
    helpNames: .long)

  @OptionGroup var image: ImageArguments
  @Argument(help: "Files or directories in the image.") var paths: [ByteArgument] = []

  @Flag(name: .short, help: "Show mode, links, owner, group, size and time.") var long = false
  @Flag(
    name: [.customShort("R"), .long], help: "List the contents of directories too, at any depth.")
  var recursive = false
  @Flag(name: .shortAndLong, help: "Show names that begin with a dot too.") var all = false
  @Flag(name: [.customShort("h"), .long], help: "Show sizes like 1.5K and 23M.")
  var humanReadable = false
  @Flag(name: .shortAndLong, help: "Show directories themselves, not their contents.")
  var directory = false
  @Flag(name: .customShort("1"), help: "Print one name per line, even on a terminal.")
  var single = false
  @Flag(exclusivity: .chooseLast) var key: ListKey?
  @Flag(name: .customShort("r"), help: "Reverse the order.") var reverse = false
  @Flag(
    name: [.customShort("L"), .long], help: "Show the targets of symbolic links, not the links.")
  var dereference = false
  @Flag(help: "Like -l, with seconds and time zone.") var fullTime = false
  @Flag(help: "Print one JSON object for each file, in an array.") var json = false

  func validate() throws {
    for path in paths { try path.refuseEmpty("a path") }
  }

  private var options: Listing.Options {
    var options = Listing.Options()
    options.isLong = long || fullTime
    options.hasFullTimes = fullTime
    options.showsAll = all
    options.isJSON = json
    options.isRecursive = recursive
    options.isHumanReadable = humanReadable
    options.showsDirectoriesThemselves = directory
    options.dereferences = dereference
    options.order = ListOrder(key: key, isReversed: reverse)
    options.columns = options.isLong || single ? nil : ListQuery.terminalWidth
    return options
  }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    image.bucket.apply()
    let query = ListQuery(
      image: subject, offset: image.offset, paths: paths.map(\.bytes), options: options)
    return try query.execute()
  }
}

/// Which files of an image to list, and how.
struct ListQuery: ImageQuery {
  var image: [UInt8]
  var offset = ImageOffset.start
  var paths: [[UInt8]]
  var options: Listing.Options

  /// `nil` unless the lines go to a terminal.
  static var terminalWidth: Int? {
    isatty(STDOUT_FILENO) == 1 ? ProgressBar.width(of: STDOUT_FILENO) : nil
  }

  func execute() throws -> Int32 {
    let opened = try ImageOpener.open(image, offset: offset)
    if options.isRecursive { opened.readMetadataAhead() }
    var hasFailed = false
    var matches: [PathPattern.Match] = []
    if paths.isEmpty { matches.append(PathPattern.Match(path: [], inode: try opened.root())) }
    for path in paths {
      var found = try PathPattern.find(path, in: opened, followsLast: follows)
      if found.isEmpty && follows && !options.dereferences {
        // Show a broken link itself.
        found = try PathPattern.find(path, in: opened, followsLast: false)
      }
      if found.isEmpty {
        Messages.write(image, try PathPattern.failure(path, in: opened))
        hasFailed = true
      }
      matches += found
    }
    var listing = Listing(opened, options, output: StandardOutput()) {
      Messages.write(image, $0)
    }
    try listing.list(
      matches, showsHeaders: paths.count > 1 || options.isRecursive || matches.count > 1)
    return hasFailed || listing.hasFailed ? ExitStatus.failed : 0
  }

  /// Like ls(1): follow a named link, unless the link itself is of interest.
  private var follows: Bool {
    options.dereferences
      || !(options.isLong || options.showsDirectoriesThemselves || options.isJSON)
  }
}
