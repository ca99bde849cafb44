import Glibc
import Posix
import SquashFS
import SquashFSFormat

/// Times the hot paths of the library, and prints nanoseconds per item beside the figures in a file.
///
///     Micro FIGURES          compares with the figures
///     Micro FIGURES --save   replaces them
///
/// Figures of another machine tell nothing: save first, change the code, compare.
@main struct Micro {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let path = arguments.first, arguments.dropFirst().allSatisfy({ $0 == "--save" }) else {
      StandardError.write("usage: Micro FIGURES [--save]\n")
      exit(64)
    }
    let saved = figures(in: (try? SmallFile.read(HostPath(path), limit: 1 << 16)) ?? [])
    var measured: [(name: String, nanoseconds: Double)] = []
    func measure(_ name: String, items: Int, _ body: () throws -> Void) rethrows {
      let best = try (0..<rounds).map { _ in try seconds(body) }.min()!
      let nanoseconds = best * 1e9 / Double(items)
      measured.append((name, nanoseconds))
      let ratio = saved[name].map { "  \(text(nanoseconds / $0)) of \(text($0))" } ?? ""
      print("\(name): \(text(nanoseconds)) ns\(ratio)")
    }
    try blockHash(measure)
    try inodeDecode(measure)
    try tree(measure)
    if arguments.count > 1 {
      let lines = measured.map { "\($0.name): \(text($0.nanoseconds))\n" }.joined()
      try SmallFile.write(Array(lines.utf8), to: HostPath(path), mode: 0o644)
    }
  }

  /// The best of these counts: other programs only make it slower.
  private static let rounds = 9
  typealias Measure = (_ name: String, _ items: Int, _ body: () throws -> Void) throws -> Void

  /// What tells whether a block is there already.
  private static func blockHash(_ measure: Measure) throws {
    let block = [UInt8]((0..<(128 << 10)).lazy.map { UInt8(truncatingIfNeeded: $0 &* 31) })
    var sum: UInt64 = 0
    try measure("hash of a block of 128 KiB", 1000) {
      for _ in 0..<1000 { sum &+= block.withUnsafeBytes { BlockHash.hash($0) } }
    }
    precondition(sum != 1)
  }

  /// An inode of the table, as `ls -l` and `verify` read it.
  private static func inodeDecode(_ measure: Measure) throws {
    // A basic file inode: type 2, mode 0644, one fragment.
    var record = [UInt8](repeating: 0, count: 32)
    record[0] = 2
    record[2] = 0xa4
    record[3] = 0x01
    var found = 0
    try measure("inode decoded", 1_000_000) {
      for number in 0..<1_000_000 {
        record[12] = UInt8(truncatingIfNeeded: number)
        if InodeRecord(parsing: record.span.bytes) != nil { found += 1 }
      }
    }
    precondition(found == rounds * 1_000_000)
  }

  /// The metadata of many empty files: written at the end of `pack`, and walked by `ls -R`.
  private static func tree(_ measure: Measure) throws {
    let path = "/dev/shm/autosquash-micro-\(getpid()).squash"
    defer { unlink(path) }
    let count = 50_000
    var options = ImageBuilder.Options()
    options.compression = Compression(.lz4)!
    options.replacesExisting = true
    func build() throws -> ImageBuilder {
      var builder = try ImageBuilder(path: path, options: options)
      for number in 0..<count {
        let file = ImagePath("d\(number / 500)/file-\(number)")
        try builder.addFile(file, contents: [])
      }
      return builder
    }
    try measure("file added and its metadata written", count) { _ = try build().finish() }
    try measure("entry walked", count) {
      var walk = try Image(path: path).walk()
      var entries = 0
      while try walk.next() != nil { entries += 1 }
      precondition(entries > count)
    }
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = processorTime
    try body()
    return processorTime - start
  }

  /// Of all threads: what else runs on the machine counts little.
  private static var processorTime: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func figures(in bytes: [UInt8]) -> [String: Double] {
    var figures: [String: Double] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":")
      if parts.count == 2, let value = Double(parts[1].drop { $0 == " " }) {
        figures[String(parts[0])] = value
      }
    }
    return figures
  }

  /// Two decimals.
  private static func text(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(String(hundredths % 100).leftPadded(to: 2, with: "0"))"
  }
}
