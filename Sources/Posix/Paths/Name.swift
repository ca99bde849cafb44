/// The name of an entry in a directory: at least one byte, neither a slash nor a NUL.
public struct Name: ByteString {
  public let bytes: [UInt8]

  /// - Returns: `nil` if no entry can have this name.
  public init?(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    guard !bytes.isEmpty, !bytes.contains(where: { $0 == pathSeparator || $0 == 0 }) else {
      return nil
    }
    self.bytes = bytes
  }

  /// Takes bytes known to be a name: a path component, or an entry listed by the kernel.
  public init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// Traps if the text is not a name.
  public init(stringLiteral text: String) { self.init(text.utf8)! }

  /// Whether it is `.` or `..`, which no entry can be named.
  public var isDots: Bool { self == Self.current || self == Self.parent }

  /// `.`
  public static let current: Name = "."
  /// `..`
  public static let parent: Name = ".."
}
