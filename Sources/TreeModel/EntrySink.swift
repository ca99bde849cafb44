/// What a source delivers its entries to, in its own order.
public protocol EntrySink: AnyObject {
  /// Whether the user left out this path: a source need not even open what is there.
  ///
  /// A source for which opening costs nothing can do without asking; `add` asks as well.
  func leavesOut(_ path: [UInt8]) throws -> Bool

  /// Takes one entry.
  ///
  /// - Parameter content: writes the entry's bytes; called at most once, before `add` returns,
  ///   and only where the entry has bytes that are wanted.
  /// - Returns: for a directory, whether anything in it may be wanted; for others, whether the
  ///   entry was taken.
  /// - Throws: what `content` throws, and an error naming the entry when it is not acceptable.
  @discardableResult
  func add(_ entry: TreeEntry, content: (any ContentSink) throws -> Void) throws -> Bool
}
