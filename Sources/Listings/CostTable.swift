import FileTrees
package import Inputs
import Posix
package import SquashFS
import Terminal

/// What it costs to read an image from a bucket: one line per typical task.
package struct CostTable {
  private var rows: [(title: String, cost: AccessCost)] = []
  private let model: BucketModel

  /// - Parameters:
  ///   - matches: what users named; directories are listed, files read.
  ///   - trace: a file listing the files to read.
  package init(
    _ image: Image, _ matches: [PathPattern.Match], _ model: BucketModel, trace: [UInt8]?,
    warn: (String) -> Void
  ) throws {
    self.model = model
    let meter = CostMeter(image, model)
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
    if let trace {
      let paths = AccessOrder(parsing: try ListFile.read(trace)).paths
      let (cost, missing) = try meter.read(paths)
      if missing > 0 {
        warn("\(missing.grouped) of the list's \(paths.count.grouped) paths match no file here")
      }
      let files = paths.count - missing
      let count = files == 1 ? "1 file" : "\(files.grouped) files"
      rows.append(("\(trace.escapedName) (\(count))", cost))
    }
  }

  /// The table for people.
  package var text: String {
    let width = max(12, rows.map(\.title.count).max() ?? 0)
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(1, width - text.count)) + text
    }
    func line(_ title: String, _ cells: [String]) -> String {
      title + String(repeating: " ", count: width - title.count)
        + cells.map { column($0, 10) }.joined() + "\n"
    }
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

  /// One JSON object per line.
  package var json: String {
    rows.map { title, cost in
      ([
        "action": .string(title), "requests": JSON(cost.requests),
        "waves": JSON(cost.waves), "bytes": JSON(cost.bytes),
        "seconds": .number(cost.seconds),
      ] as JSON).text + "\n"
    }.joined()
  }
}
