/// Finds out whether all entries of an archive lie in one directory, which then becomes the root;
/// not if the archive has an entry for its top.
public struct SingleTop: Sendable {
  private var name: [UInt8]?
  /// Whether there is no such directory, whatever comes next.
  private(set) var isRuledOut = false

  /// The directory in which all entries so far lie.
  var directory: [UInt8]? { isRuledOut ? nil : name }

  mutating func note(_ path: EntryPath, isDirectory: Bool) {
    guard !isRuledOut else { return }
    guard let first = path.components.first else {
      isRuledOut = isDirectory
      return
    }
    if path.components.count == 1 && !isDirectory {
      isRuledOut = true
    } else if let name {
      isRuledOut = !path.bytes[first].elementsEqual(name)
    } else {
      name = Array(path.bytes[first])
    }
  }
}
