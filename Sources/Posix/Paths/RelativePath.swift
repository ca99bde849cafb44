/// A path below a root, such as that of an image, an archive, an overlay or a bucket: names joined
/// by single slashes, none of them `.` or `..`. The root itself is the empty path.
public struct RelativePath: ByteString {
  public private(set) var bytes: [UInt8]

  /// The root itself.
  public static let root = RelativePath(unchecked: [])

  /// - Returns: `nil` unless the bytes have this form.
  public init?(_ bytes: some Collection<UInt8>) {
    for part in bytes.split(separator: pathSeparator, omittingEmptySubsequences: false)
    where !bytes.isEmpty {
      guard let name = Name(part), !name.isDots else { return nil }
    }
    self.bytes = Array(bytes)
  }

  /// Takes bytes known to have this form.
  public init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// The path made of some names, none of them `.` or `..`.
  public init(_ names: some Sequence<Name>) {
    bytes = []
    for name in names { append(name) }
  }

  /// Traps if the text is no such path.
  public init(stringLiteral text: String) { self.init(Array(text.utf8))! }

  public var isRoot: Bool { bytes.isEmpty }

  /// The names on the way from the root.
  public var names: [Name] { bytes.pathComponents.map { Name(unchecked: Array($0)) } }

  /// Goes one level down.
  public mutating func append(_ name: Name) {
    if !bytes.isEmpty { bytes.append(pathSeparator) }
    bytes += name.bytes
  }

  /// The path of an entry of this directory.
  public func appending(_ name: Name) -> RelativePath {
    var path = self
    path.append(name)
    return path
  }

  /// The path of something below this directory.
  public func appending(_ path: RelativePath) -> RelativePath {
    if path.isRoot { return self }
    return isRoot ? path : RelativePath(unchecked: bytes + [pathSeparator] + path.bytes)
  }

  /// The parent directory; the root for the root.
  public var parent: RelativePath {
    RelativePath(unchecked: Array(bytes[..<(bytes.lastIndex(of: pathSeparator) ?? 0)]))
  }

  /// The last name; `nil` for the root.
  public var name: Name? { isRoot ? nil : Name(unchecked: Array(bytes.lastPathComponent)) }

  /// Whether it is `other` or below it.
  public func isAtOrBelow(_ other: RelativePath) -> Bool {
    bytes.isPath(atOrBelow: other.bytes) || other.isRoot
  }
}
