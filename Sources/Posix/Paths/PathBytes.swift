/// The separator between the names of a path.
@inlinable
public var pathSeparator: UInt8 { UInt8(ascii: "/") }

/// Paths from anywhere: an archive, a link's target, the command line. They may be absolute, go
/// through `.` and `..`, and have redundant slashes.
extension RandomAccessCollection<UInt8>
where SubSequence: RandomAccessCollection, Self: BidirectionalCollection {
  /// The non-empty parts between slashes.
  @inlinable
  public var pathComponents: [SubSequence] { split(separator: pathSeparator) }

  /// Whether it starts at the root of the file system.
  @inlinable
  public var isAbsolutePath: Bool { first == pathSeparator }

  /// The bytes without trailing slashes; for the root alone, one slash.
  @inlinable
  public var withoutTrailingSlashes: SubSequence {
    guard let last = lastIndex(where: { $0 != pathSeparator }) else { return prefix(1) }
    return self[...last]
  }

  /// The part after the last slash, ignoring trailing slashes.
  @inlinable
  public var lastPathComponent: SubSequence {
    let path = withoutTrailingSlashes
    guard path.count > 1, let slash = path.lastIndex(of: pathSeparator) else { return path }
    return path[path.index(after: slash)...]
  }

  /// Whether the path is another one, or below it.
  @inlinable
  public func isPath(atOrBelow other: some RandomAccessCollection<UInt8>) -> Bool {
    guard starts(with: other) else { return false }
    return count == other.count || other.last == pathSeparator
      || self[index(startIndex, offsetBy: other.count)] == pathSeparator
  }
}

extension [UInt8] {
  /// This path, a slash if needed, and another path.
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
  /// The path made of these names.
  @inlinable
  public var joinedPath: [UInt8] { Array(joined(separator: CollectionOfOne(pathSeparator))) }
}
