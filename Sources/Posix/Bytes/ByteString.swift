/// Bytes with a meaning, as the kernel has them: no encoding, no locale, sorted byte by byte.
public protocol ByteString: Hashable, Comparable, Sendable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  var bytes: [UInt8] { get }
}

extension ByteString {
  public static func < (left: Self, right: Self) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }

  /// For messages: see `Sequence.escapedName`.
  public var escapedName: String { bytes.escapedName }

  /// For a command that the user may paste: see `[UInt8].shellWord`.
  public var shellWord: String { bytes.shellWord }

  public var description: String { escapedName }

  /// Calls `body` with the bytes as a NUL-terminated C string.
  @inlinable
  public func withCPath<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try bytes.withCPath(body)
  }
}
