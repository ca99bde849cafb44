import ArgumentParser
import HTTP
import ImageMount
import Inputs
import ObjectStore
import Posix
import SquashFS
import Terminal

/// How a mount reads an image from a bucket or the web.
struct BucketMountOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to keep what was read, for the next mount; none keeps nothing. (default: root's is /var/cache/autosquash, others' ~/.cache/autosquash)",
      valueName: "dir|none"))
  var cache: ByteArgument?
  @Option(
    help: ArgumentHelp("The most that all of it may take on disk, such as 500M.", valueName: "size")
  )
  var cacheSize = ByteSize(ObjectCache.standardSize)
  @Option(
    help:
      "What to fetch before anybody asks: the data of the access order (pack --order), all, or none."
  )
  var prefetch = Prefetch.order
  @Option(
    help: ArgumentHelp(
      "After so long without an answer, reading fails.", valueName: "seconds"))
  var timeout = 60

  /// The most memory for what was fetched, in bytes.
  private static let memory: UInt64 = 96 << 20
  private static let ahead: UInt64 = 64 << 20

  func validate() throws {
    guard (1...3600).contains(timeout) else {
      throw ValidationError("--timeout is a number of seconds from 1 to 3600.")
    }
    if prefetch == .all && !keeps {
      throw ValidationError("--prefetch all needs a cache to put it; leave out --cache none.")
    }
  }

  private var keeps: Bool { cache?.bytes.elementsEqual("none".utf8) != true }

  /// Makes them those of the program; before it opens the image.
  ///
  /// - Parameter log: called about a cache that fails later, by any thread.
  func apply(_ bucket: BucketOptions, log: @escaping @Sendable (String) -> Void) throws {
    var kept: ObjectCache?
    if keeps {
      do throws(CacheError) {
        kept = try ObjectCache(
          cache.map { HostPath($0.bytes) } ?? CacheFolder.standardPath(), size: cacheSize.bytes,
          report: log)
      } catch {
        // A place that the user has named must do.
        if cache != nil { throw error }
        Messages.write(error.path, "warning: nothing is kept for the next mount: \(error.message)")
      }
    }
    var policy = RetryPolicy()
    policy.total = timeout * 1000
    var limits = RangeReader.Limits()
    // Whoever waits for a block shares the line with what is fetched ahead.
    limits.part = 1 << 20
    limits.memory = Self.memory
    limits.ahead = Self.ahead
    limits.stream = 4 << 20
    limits.around = 4 << 20
    RemoteObjects.configure(bucket.options, cache: kept, policy: policy, limits: limits)
  }

  /// Has the image fetched that far.
  func startPrefetch(_ image: Image) { prefetch.start(image, keepsAll: keeps, limit: Self.ahead) }
}

extension Prefetch: ExpressibleByArgument {}

/// A number of bytes: `500M`, `10G`.
struct ByteSize: ExpressibleByArgument, CustomStringConvertible {
  let bytes: UInt64

  init(_ bytes: UInt64) { self.bytes = bytes }

  init?(argument: String) {
    let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = UInt64(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow, bytes <= UInt64(Int64.max) else { return nil }
    self.bytes = bytes
  }

  var description: String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)]
    where bytes > 0 && bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)"
  }

  var defaultValueDescription: String { description }
}
