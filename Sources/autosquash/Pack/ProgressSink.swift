import TreeModel

/// Passes contents on, and moves the progress bar.
final class ProgressSink: ContentSink {
  private let next: any ContentSink
  private let bar: ProgressBar

  init(_ next: any ContentSink, _ bar: ProgressBar) {
    self.next = next
    self.bar = bar
  }

  func begin(size: UInt64?, rank: UInt32?) throws { try next.begin(size: size, rank: rank) }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    bar.tick()
    return try next.withFreeSpace(body)
  }

  func addHole(_ count: UInt64) throws { try next.addHole(count) }
  func end() throws -> ContentID { try next.end() }
  func abandon() throws { try next.abandon() }
}
