import ArgumentParser
import FileTrees
import Posix
import SquashFS
import SquashFSFormat
import Terminal

struct CostOptions: ParsableArguments {
  @Flag(help: "Tell what reading the image costs over s3fs, without a network.")
  var cost = false

  @Option(help: ArgumentHelp("s3fs's multipart_size. (default: 5)", valueName: "mb"))
  var partSize: Int?

  @Option(help: ArgumentHelp("s3fs's parallel_count. (default: 2)", valueName: "n"))
  var parallel: Int?

  @Option(
    help: ArgumentHelp(
      "What each request takes at least, in milliseconds. (default: 30)", valueName: "ms"))
  var latency: Double?

  @Option(
    help: ArgumentHelp(
      "The network's speed, in megabits a second. (default: 1000)", valueName: "mbit"))
  var rate: Double?

  @Option(
    help: ArgumentHelp(
      "Read the files of this list, one a line, as 'autosquash trace' writes it.",
      valueName: "file"))
  var trace: ByteArgument?

  func validate() throws {
    let isAsked =
      partSize != nil || parallel != nil || latency != nil || rate != nil || trace != nil
    guard cost || !isAsked else {
      throw ValidationError(
        "--part-size, --parallel, --latency, --rate and --trace are for --cost.")
    }
    guard (5...10_000).contains(partSize ?? 5) else {
      throw ValidationError("s3fs takes parts of 5 to 10000 MB.")
    }
    guard (1...1000).contains(parallel ?? 1) else {
      throw ValidationError("--parallel is from 1 to 1000.")
    }
    guard (0...100_000).contains(latency ?? 0) else {
      throw ValidationError("--latency is from 0 to 100000 milliseconds.")
    }
    guard (0.001...1e6).contains(rate ?? 1) else {
      throw ValidationError("--rate is from 0.001 to 1000000 megabits a second.")
    }
  }

  var model: BucketModel {
    BucketModel(
      partSize: UInt64(partSize ?? 5) << 20, parallelParts: UInt64(parallel ?? 2),
      latency: (latency ?? 30) / 1000, rate: (rate ?? 1000) * 1e6 / 8)
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
    rows.append(("mount", try meter.mount()))
    for (title, isDeep) in [("ls -l", false), ("ls -lR", true)] {
      if let cost = try meter.list([], isDeep: isDeep) { rows.append((title, cost)) }
    }
    for match in matches {
      let name = match.path.escapedName
      if let cost = try meter.list(match.path) {
        rows.append(("ls -l \(name)", cost))
      } else {
        let (cost, missing) = try meter.read([match.path])
        if missing == 0 {
          rows.append(("cat \(name)", cost))
        } else {
          warn("\(name) is neither a directory nor a regular file")
        }
      }
    }
    if let trace = options.trace {
      let paths = AccessOrder(parsing: try ListFile.read(trace.bytes)).paths
      let (cost, missing) = try meter.read(paths)
      if missing > 0 {
        warn("\(missing.grouped) of the list's \(paths.count.grouped) paths name no file here")
      }
      let files = paths.count - missing
      let count = files == 1 ? "1 file" : "\(files.grouped) files"
      rows.append(("\(trace.bytes.escapedName) (\(count))", cost))
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
    let model = options.model
    var text = "From cold, with the mount, over s3fs with multipart_size=\(model.partSize >> 20),"
    text += "parallel_count=\(model.parallelParts),\n"
    text += "\((model.latency * 1000).rounded(toDigits: 0)) ms a request,"
    text += " \((model.rate * 8 / 1e6).rounded(toDigits: 0)) Mbit/s:\n\n"
    text += line("", ["requests", "waves", "bytes", "network"])
    for (title, cost) in rows {
      text += line(
        title,
        [
          cost.requests.grouped, cost.waves.grouped, cost.bytes.asBytes,
          "\(cost.seconds.rounded(toDigits: 2)) s",
        ])
    }
    text += "\nwaves: requests that wait for one another; network: without the time to unpack\n"
    return text
  }

  /// An object a line.
  var json: String {
    rows.map { title, cost in
      ([
        "action": .string(title), "requests": JSON(cost.requests),
        "waves": JSON(cost.waves), "bytes": JSON(cost.bytes),
        "seconds": .number(cost.seconds),
      ] as JSON).text + "\n"
    }.joined()
  }
}
