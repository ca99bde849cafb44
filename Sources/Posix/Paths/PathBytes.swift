/// What stands between the names of a path.
@inlinable
public var pathSeparator: UInt8 { UInt8(ascii: "/") }

/// Paths as they come: from an archive, a link's target, the command line. They may be absolute, go
/// through `.` and `..`, and have more slashes than they need.
extension RandomAccessCollection<UInt8>
where SubSequence: RandomAccessCollection, Self: BidirectionalCollection {
  /// The parts between slashes; none of them is empty.
  @inlinable
  public var pathComponents: [SubSequence] { split(separator: pathSeparator) }

  /// Whether it begins at the root of the file system.
  @inlinable
  public var isAbsolutePath: Bool { first == pathSeparator }

  /// The bytes up to slashes at the end; of the root alone, one slash.
  @inlinable
  public var withoutTrailingSlashes: SubSequence {
    guard let last = lastIndex(where: { $0 != pathSeparator }) else { return prefix(1) }
    return self[...last]
  }

  /// What is behind the last slash, slashes at the end aside.
  @inlinable
  public var lastPathComponent: SubSequence {
    let path = withoutTrailingSlashes
    guard path.count > 1, let slash = path.lastIndex(of: pathSeparator) else { return path }
    return path[path.index(after: slash)...]
  }

  /// Whether a path is another one, or below it.
  @inlinable
  public func isPath(atOrBelow other: some RandomAccessCollection<UInt8>) -> Bool {
    guard starts(with: other) else { return false }
    return count == other.count || other.last == pathSeparator
      || self[index(startIndex, offsetBy: other.count)] == pathSeparator
  }
}

extension [UInt8] {
  /// This path, a slash where one is needed, and another.
  @inlinable
  public func joined(to path: some Collection<UInt8>) -> [UInt8] {
    var joined = self
    joined.reserveCapacity(count + 1 + path.count)
    if !isEmpty, last != pathSeparator { joined.append(pathSeparator) }
    joined += path
    return joined
  }
}

extension Sequence where Element: Sequence<UInt8> {
  /// The path through these names.
  @inlinable
  public var joinedPath: [UInt8] { Array(joined(separator: CollectionOfOne(pathSeparator))) }
}
