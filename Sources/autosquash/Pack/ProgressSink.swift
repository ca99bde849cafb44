import Terminal
import TreeModel

/// Passes contents on, and moves a progress bar.
final class ProgressSink: ContentSink {
  /// Made of the bytes that passed so far.
  typealias State = (_ bytes: UInt64) -> ProgressBar.State

  private let next: any ContentSink
  private var bytes: UInt64 = 0
  private lazy var bar = ProgressBar(title: title) { [unowned self] in state(bytes) }
  private let title: String
  private let state: State

  init(_ next: any ContentSink, title: String, state: @escaping State) {
    self.next = next
    self.title = title
    self.state = state
  }

  func begin(size: UInt64?, rank: UInt32?) throws { try next.begin(size: size, rank: rank) }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    bar.tick()
    let count = try next.withFreeSpace(body)
    bytes += UInt64(count)
    return count
  }

  func addHole(_ count: UInt64) throws {
    try next.addHole(count)
    bytes += count
  }

  func end() throws -> ContentID { try next.end() }
  func abandon() throws { try next.abandon() }
}
