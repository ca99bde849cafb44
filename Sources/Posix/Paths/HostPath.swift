/// A path on this machine, in the bytes in which somebody has written it: a slash at its end has a
/// meaning for the kernel, and messages show what was typed.
public struct HostPath: ByteString {
  public var bytes: [UInt8]

  /// - Parameter bytes: without a NUL.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(_ text: String) { bytes = Array(text.utf8) }

  public init(stringLiteral text: String) { bytes = Array(text.utf8) }

  /// The root of the file system.
  public static let root: HostPath = "/"

  public var isEmpty: Bool { bytes.isEmpty }
  public var isAbsolute: Bool { bytes.first == pathSeparator }

  /// The path of an entry of this directory.
  public func appending(_ name: Name) -> HostPath { HostPath(bytes.joined(to: name.bytes)) }

  /// The path of what lies below this directory.
  public func appending(_ path: RelativePath) -> HostPath {
    path.isRoot ? self : HostPath(bytes.joined(to: path.bytes))
  }

  /// The directory it is in: `.` for a name alone.
  public var parent: HostPath {
    let bytes = bytes.withoutTrailingSlashes
    guard let slash = bytes.lastIndex(of: pathSeparator) else { return "." }
    return slash == 0 ? .root : HostPath(Array(bytes[..<slash].withoutTrailingSlashes))
  }

  /// What is behind the last slash, slashes at the end aside.
  public var lastComponent: [UInt8] { Array(bytes.lastPathComponent) }

  /// Whether it is another path, or below it, as far as the bytes tell.
  public func isAtOrBelow(_ other: HostPath) -> Bool { bytes.isPath(atOrBelow: other.bytes) }

  /// The path seen from a directory; `nil` where it does not lie there, or goes through `..`.
  public func relative(to folder: HostPath) -> RelativePath? {
    guard isAtOrBelow(folder) else { return nil }
    return RelativePath(bytes.dropFirst(folder.bytes.count).drop { $0 == pathSeparator })
  }
}
