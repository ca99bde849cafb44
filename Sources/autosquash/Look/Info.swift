import ArgumentParser
import FileTrees
import Inputs
import Listings
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// `autosquash info`: facts about an image, or the location of a file in it.
struct Info: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Describe an image, or a file in it.",
    discussion: """
      Without PATH: how the image was made, what it holds, and where its tables lie. With one: \
      the file's inode, and where its data lies. Positions are in bytes from the image's start.

      With --cost: the requests to the bucket, how many of them wait for another, and the time on \
      the network, of mounting and reading the image; with PATH also of listing that directory or \
      reading that file to its end. Other requests of s3fs, such as for the size of the object, are \
      not counted, nor is the time to unpack.
      """)

  @OptionGroup var image: ImageArguments
  @Argument(help: "A file in the image, or a pattern.") var path: ByteArgument?
  @Flag(help: "Print JSON, one object per line.") var json = false
  @OptionGroup(title: "Cost over a bucket") var cost: CostOptions

  func validate() throws { try path?.refuseEmpty("a path") }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    image.bucket.apply()
    let query = InfoQuery(
      image: subject, offset: image.offset, path: path?.bytes, isJSON: json,
      cost: cost.cost ? (cost.model, cost.trace?.bytes) : nil)
    return try query.execute()
  }
}

/// What to print about an image, or about a file in it.
struct InfoQuery: ImageQuery {
  var image: [UInt8]
  var offset = ImageOffset.start
  var path: [UInt8]?
  var isJSON = false
  /// The bucket for which to compute costs, and the list of files to read.
  var cost: (model: BucketModel, trace: [UInt8]?)?

  func execute() throws -> Int32 {
    let opened = try ImageOpener.open(image, offset: offset)
    var matches: [PathPattern.Match] = []
    if let path {
      matches = try PathPattern.find(path, in: opened, followsLast: false)
      guard !matches.isEmpty else {
        Messages.write(image, try PathPattern.failure(path, in: opened))
        return ExitStatus.failed
      }
    }
    var output = StandardOutput()
    if let cost {
      let report = try CostTable(opened, matches, cost.model, trace: cost.trace) {
        Messages.write(image, "warning: \($0)")
      }
      try output.write(isJSON ? report.json : report.text)
    } else {
      let all =
        path == nil
        ? [try ImageFacts.collect(opened)]
        : try matches.map { try FileFacts.collect($0, in: opened) }
      for (index, facts) in all.enumerated() {
        if isJSON {
          try output.write(line: facts.json)
        } else {
          try output.write((index > 0 ? "\n" : "") + facts.text)
        }
      }
    }
    try output.flush()
    return 0
  }
}
