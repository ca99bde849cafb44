/// A bucket mounted by s3fs, reduced to the cost of reading from it.
package struct BucketModel: Sendable {
  /// s3fs's `multipart_size`, in bytes.
  package var partSize: UInt64
  /// s3fs's `parallel_count`.
  package var parallelParts: UInt64
  /// The time a request takes before its first byte, in seconds.
  package var latency: Double
  /// In bytes per second.
  package var rate: Double

  /// - Parameters: all greater than zero; only the latency may be zero.
  package init(partSize: UInt64, parallelParts: UInt64, latency: Double, rate: Double) {
    self.partSize = partSize
    self.parallelParts = parallelParts
    self.latency = latency
    self.rate = rate
  }
}

/// The cost of reading from a bucket.
package struct AccessCost: Sendable, Equatable {
  package var requests: UInt64 = 0
  /// Round trips in sequence: parts fetched in parallel count as one.
  package var waves: UInt64 = 0
  package var bytes: UInt64 = 0
  package var seconds: Double = 0
}

/// Counts the requests that s3fs makes to read one object, none of which is cached at first.
///
/// s3fs 1.90 keeps a list of the parts it has of an object. If a read misses, s3fs fetches from
/// there on as much as it fetches in parallel parts, or what is missing of that: each piece in one
/// request, or in parts if it is at least two of them.
struct BucketReads {
  private let model: BucketModel
  private let length: UInt64
  /// The cached ranges: disjoint and in order.
  private var loaded: [Range<UInt64>] = []
  private(set) var cost = AccessCost()

  /// FUSE and the loop device read whole pages.
  private static let page: UInt64 = 4096

  init(_ model: BucketModel, length: UInt64) {
    self.model = model
    self.length = length
  }

  /// Records a read of bytes in the object.
  mutating func read(_ range: Range<UInt64>) {
    let start = range.lowerBound / Self.page * Self.page
    let last = min(length, range.upperBound)
    let end = min(length, (last + Self.page - 1) / Self.page * Self.page)
    guard start < end, !isLoaded(start..<end) else { return }
    let ahead = model.partSize.multipliedReportingOverflow(by: model.parallelParts)
    let wanted = max(end - start, ahead.overflow ? length : ahead.partialValue)
    load(start..<(length - start < wanted ? length : start + wanted))
  }

  private func isLoaded(_ range: Range<UInt64>) -> Bool {
    let next = firstIndex(endingAfter: range.lowerBound)
    return next < loaded.count && loaded[next].lowerBound <= range.lowerBound
      && range.upperBound <= loaded[next].upperBound
  }

  private func firstIndex(endingAfter position: UInt64) -> Int {
    var (low, high) = (0, loaded.count)
    while low < high {
      let middle = (low + high) / 2
      if loaded[middle].upperBound > position { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private mutating func load(_ range: Range<UInt64>) {
    let first = firstIndex(endingAfter: range.lowerBound)
    var index = first
    var (start, end) = (range.lowerBound, range.upperBound)
    var position = start
    while index < loaded.count, loaded[index].lowerBound <= range.upperBound {
      if position < loaded[index].lowerBound { fetch(loaded[index].lowerBound - position) }
      position = loaded[index].upperBound
      start = min(start, loaded[index].lowerBound)
      end = max(end, position)
      index += 1
    }
    if position < range.upperBound { fetch(range.upperBound - position) }
    loaded.replaceSubrange(first..<index, with: [start..<end])
  }

  private mutating func fetch(_ count: UInt64) {
    let parts = count / 2 < model.partSize ? 1 : (count - 1) / model.partSize + 1
    let waves = (parts - 1) / model.parallelParts + 1
    cost.requests += parts
    cost.waves += waves
    cost.bytes += count
    cost.seconds += Double(waves) * model.latency + Double(count) / model.rate
  }
}
