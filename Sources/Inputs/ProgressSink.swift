package import TreeModel

/// Receives the progress of a read: the number of bytes so far, and the fraction of the total,
/// from 0 to 1, if known.
package typealias ProgressReport = (_ bytes: UInt64, _ fraction: Double?) -> Void

/// Passes contents on and counts their bytes.
package final class ProgressSink: ContentSink {
  private let next: any ContentSink
  private var bytes: UInt64 = 0
  private let report: (_ bytes: UInt64) -> Void

  /// - Parameter report: called with the bytes so far, before each piece.
  package init(_ next: any ContentSink, report: @escaping (_ bytes: UInt64) -> Void) {
    self.next = next
    self.report = report
  }

  package func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws {
    try next.begin(size: size, rank: rank, old: old)
  }

  package func withFreeSpace(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    report(bytes)
    let count = try next.withFreeSpace(body)
    bytes += UInt64(count)
    return count
  }

  package func addHole(_ count: UInt64) throws {
    try next.addHole(count)
    bytes += count
  }

  package func end() throws -> ContentID { try next.end() }
  package func abandon() throws { try next.abandon() }
}
