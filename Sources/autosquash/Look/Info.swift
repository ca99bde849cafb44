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
    let image = try image.open()
    var matches: [PathPattern.Match] = []
    if let path {
      matches = try PathPattern.find(path.bytes, in: image, followsLast: false)
      guard !matches.isEmpty else {
        Messages.write(subject, try PathPattern.failure(path.bytes, in: image))
        return ExitStatus.failed
      }
    }
    var output = StandardOutput()
    if cost.cost {
      let report = try CostTable(image, matches, cost.model, trace: cost.trace?.bytes) {
        Messages.write(subject, "warning: \($0)")
      }
      try output.write(json ? report.json : report.text)
    } else {
      let all =
        path == nil
        ? [try ImageFacts.collect(image)]
        : try matches.map { try FileFacts.collect($0, in: image) }
      for (index, facts) in all.enumerated() {
        if json {
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
