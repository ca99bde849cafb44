/// A path on this machine, in the bytes somebody wrote: a trailing slash means something to the
/// kernel, and messages show what was typed.
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

  /// The path of something below this directory.
  public func appending(_ path: RelativePath) -> HostPath {
    path.isRoot ? self : HostPath(bytes.joined(to: path.bytes))
  }

  /// The parent directory: `.` for a name alone.
  public var parent: HostPath {
    let bytes = bytes.withoutTrailingSlashes
    guard let slash = bytes.lastIndex(of: pathSeparator) else { return "." }
    return slash == 0 ? .root : HostPath(Array(bytes[..<slash].withoutTrailingSlashes))
  }

  /// The part after the last slash, ignoring trailing slashes.
  public var lastComponent: [UInt8] { Array(bytes.lastPathComponent) }

  /// Whether it is `other` or below it, judging by the bytes alone.
  public func isAtOrBelow(_ other: HostPath) -> Bool { bytes.isPath(atOrBelow: other.bytes) }

  /// The path relative to a directory; `nil` if it lies elsewhere or goes through `..`.
  public func relative(to folder: HostPath) -> RelativePath? {
    guard isAtOrBelow(folder) else { return nil }
    return RelativePath(bytes.dropFirst(folder.bytes.count).drop { $0 == pathSeparator })
  }
}
