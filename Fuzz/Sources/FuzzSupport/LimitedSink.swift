import TreeModel

/// Gives up on sources that deliver more bytes than a fuzzer has time for, such as archives with
/// gigabytes of zeros.
public final class LimitedSink: EntrySink {
  public struct TooMuch: Error {}

  public static let mostBytes: UInt64 = 4 << 20
  private let next: any EntrySink
  private var rest: UInt64

  public init(_ next: any EntrySink, limit: UInt64) {
    self.next = next
    rest = limit
  }

  public func leavesOut(_ path: [UInt8]) throws -> Bool { try next.leavesOut(path) }

  public func add(
    _ entry: TreeEntry, content: (any ContentSink) throws -> Void
  ) throws -> Bool {
    try next.add(entry) { sink in
      let counting = CountingSink(sink, self)
      try content(counting)
    }
  }

  fileprivate func take(_ bytes: UInt64) throws {
    guard bytes <= rest else { throw TooMuch() }
    rest -= bytes
  }
}

private final class CountingSink: ContentSink {
  private let next: any ContentSink
  private let limit: LimitedSink

  init(_ next: any ContentSink, _ limit: LimitedSink) {
    self.next = next
    self.limit = limit
  }

  func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws {
    try next.begin(size: size, rank: rank, old: old)
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    let count = try next.withFreeSpace(body)
    try limit.take(UInt64(count))
    return count
  }

  func addHole(_ count: UInt64) throws {
    try limit.take(count)
    try next.addHole(count)
  }

  func end() throws -> ContentID { try next.end() }
  func abandon() throws { try next.abandon() }
}
