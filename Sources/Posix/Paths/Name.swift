/// The name of an entry in a directory: at least one byte, neither a slash nor a NUL.
public struct Name: ByteString {
  public let bytes: [UInt8]

  /// - Returns: `nil` for what no entry can be called.
  public init?(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    guard !bytes.isEmpty, !bytes.contains(where: { $0 == pathSeparator || $0 == 0 }) else {
      return nil
    }
    self.bytes = bytes
  }

  /// Takes bytes that are known to be a name: a part of a path, or what the kernel lists.
  public init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// Traps where the text is no name.
  public init(stringLiteral text: String) { self.init(text.utf8)! }

  /// Whether it is `.` or `..`, which stand for directories and are nobody's name.
  public var isDots: Bool { self == Self.current || self == Self.parent }

  /// `.`
  public static let current: Name = "."
  /// `..`
  public static let parent: Name = ".."
}
