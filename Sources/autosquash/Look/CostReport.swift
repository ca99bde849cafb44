import ArgumentParser
import FileTrees
import Posix
import SquashFS
import SquashFSFormat

struct CostOptions: ParsableArguments {
  @Flag(help: "Tell what reading the image costs over s3fs, without a network.")
  var cost = false

  @Option(help: ArgumentHelp("s3fs's multipart_size.", valueName: "mb"))
  var partSize = 5

  @Option(help: ArgumentHelp("s3fs's parallel_count.", valueName: "n"))
  var parallel = 2

  @Option(help: ArgumentHelp("What each request takes at least, in milliseconds.", valueName: "ms"))
  var latency = 30.0

  @Option(help: ArgumentHelp("The network's speed, in megabits a second.", valueName: "mbit"))
  var rate = 1000.0

  @Option(
    help: ArgumentHelp(
      "Read the files of this list, one a line, as 'autosquash trace' writes it.",
      valueName: "file"))
  var trace: ByteArgument?

  func validate() throws {
    guard (5...10_000).contains(partSize) else {
      throw ValidationError("s3fs takes parts of 5 to 10000 MB.")
    }
    guard (1...1000).contains(parallel) else {
      throw ValidationError("--parallel is from 1 to 1000.")
    }
    guard latency >= 0, latency <= 100_000, rate > 0, rate <= 1e9 else {
      throw ValidationError("--latency and --rate are positive numbers.")
    }
    guard cost || trace == nil else { throw ValidationError("--trace is for --cost.") }
  }

  var model: BucketModel {
    BucketModel(
      partSize: UInt64(partSize) << 20, parallelParts: UInt64(parallel), latency: latency / 1000,
      rate: rate * 1e6 / 8)
  }
}

/// `info --cost`: a line for each thing that people do with an image.
struct CostReport {
  private var rows: [(title: String, cost: AccessCost)] = []
  private let options: CostOptions

  /// - Parameter matches: what PATH names; a directory is listed, a file read.
  init(
    _ image: Image, _ matches: [PathPattern.Match], _ options: CostOptions, _ warn: (String) -> Void
  )
    throws
  {
    self.options = options
    let meter = CostMeter(image, options.model)
    let root = try image.root()
    rows.append(("mount", try meter.mount()))
    rows.append(("ls -l", try meter.list(root)))
    rows.append(("ls -lR", try meter.list(root, isDeep: true)))
    for match in matches {
      let name = match.path.escapedName
      if match.inode.record.type == .directory {
        rows.append(("ls -l \(name)", try meter.list(match.inode)))
      } else {
        let (cost, missing) = try meter.read([match.path])
        if missing == 0 { rows.append(("cat \(name)", cost)) }
      }
    }
    if let trace = options.trace {
      let paths = AccessOrder(parsing: try ListFile.read(trace.bytes)).paths
      let (cost, missing) = try meter.read(paths)
      if missing > 0 {
        warn("\(missing.grouped) of \(paths.count.grouped) paths of the list are no files here")
      }
      rows.append(("\(trace.bytes.escapedName) (\((paths.count - missing).grouped) files)", cost))
    }
  }

  var text: String {
    let width = max(12, rows.map(\.title.count).max() ?? 0)
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(1, width - text.count)) + text
    }
    func line(_ title: String, _ cells: [String]) -> String {
      title + String(repeating: " ", count: width - title.count)
        + cells.map { column($0, 10) }.joined() + "\n"
    }
    var text = "From cold, with the mount, over s3fs with multipart_size=\(options.partSize),"
    text +=
      "parallel_count=\(options.parallel),\n\(options.latency.rounded(toDigits: 0)) ms a request,"
    text += " \(options.rate.rounded(toDigits: 0)) Mbit/s:\n\n"
    text += line("", ["requests", "waves", "bytes", "network"])
    for (title, cost) in rows {
      text += line(
        title,
        [
          cost.requests.grouped, cost.waves.grouped, cost.bytes.asBytes,
          "\(cost.seconds.rounded(toDigits: 2)) s",
        ])
    }
    return text
  }

  var json: JSON {
    .array(
      rows.map { title, cost in
        .object([
          ("action", .string(title)), ("requests", .integer(cost.requests)),
          ("waves", .integer(cost.waves)), ("bytes", .integer(cost.bytes)),
          ("seconds", .number(cost.seconds)),
        ])
      })
  }
}
