/// The receiver of a source's entries, in the source's own order.
public protocol EntrySink: AnyObject {
  /// Whether the user excluded this path: the source then need not open it.
  ///
  /// A source that can open entries at no cost need not ask; `add` asks as well.
  func leavesOut(_ path: [UInt8]) throws -> Bool

  /// Takes one entry.
  ///
  /// - Parameter content: writes the entry's bytes; called at most once, before `add` returns,
  ///   and only if the entry has bytes and they are wanted.
  /// - Returns: for a directory, whether anything in it may be wanted; for others, whether the
  ///   entry was taken.
  /// - Throws: what `content` throws, and an error that names an unacceptable entry.
  @discardableResult
  func add(_ entry: TreeEntry, content: (any ContentSink) throws -> Void) throws -> Bool
}
