import TreeModel

extension ArchiveSource {
  /// Reads only the names, to find the one directory that holds them all.
  ///
  /// - Returns: `nil` if the source can be read only once.
  public func findTop() throws -> SingleTop? {
    guard let other = try file.again() else { return nil }
    let names = TopSink()
    try ArchiveSource(other, path: path, options: options).read(into: names)
    return names.top
  }
}

private final class TopSink: EntrySink {
  private(set) var top = SingleTop()
  private var path = EntryPath()

  func leavesOut(_ path: [UInt8]) -> Bool { false }

  func add(_ entry: TreeEntry, content: (any ContentSink) throws -> Void) -> Bool {
    // Invalid names are refused in the actual reading.
    guard (try? path.parse(entry.path)) != nil else { return false }
    top.note(path, isDirectory: entry.kind == .directory)
    return true
  }
}
