import ArgumentParser
import FileTrees
import Posix
import SquashFS
import SquashFSFormat
import Terminal

struct CostOptions: ParsableArguments {
  @Flag(help: "Compute what reading the image costs over s3fs, without a network.")
  var cost = false

  @Option(help: ArgumentHelp("s3fs's multipart_size. (default: 5)", valueName: "mb"))
  var partSize: Int?

  @Option(help: ArgumentHelp("s3fs's parallel_count. (default: 2)", valueName: "n"))
  var parallel: Int?

  @Option(
    help: ArgumentHelp(
      "The shortest time of a request, in milliseconds. (default: 30)", valueName: "ms"))
  var latency: Double?

  @Option(
    help: ArgumentHelp(
      "The network's speed, in megabits per second. (default: 1000)", valueName: "mbit"))
  var rate: Double?

  @Option(
    help: ArgumentHelp(
      "Read the files of this list, one per line, as 'autosquash trace' writes it.",
      valueName: "file"))
  var trace: ByteArgument?

  func validate() throws {
    let isAsked =
      partSize != nil || parallel != nil || latency != nil || rate != nil || trace != nil
    guard cost || !isAsked else {
      throw ValidationError(
        "--part-size, --parallel, --latency, --rate and --trace need --cost.")
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
      throw ValidationError("--rate is from 0.001 to 1000000 megabits per second.")
    }
  }

  var model: BucketModel {
    BucketModel(
      partSize: UInt64(partSize ?? 5) << 20, parallelParts: UInt64(parallel ?? 2),
      latency: (latency ?? 30) / 1000, rate: (rate ?? 1000) * 1e6 / 8)
  }
}
