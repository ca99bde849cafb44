import Glibc
public import Posix

/// The name autofs asks for: one file name, any bytes.
public struct MapKey: Equatable, Sendable {
  public let name: Name

  /// Whether a name is never an image's: shells and desktops look in every directory for names that
  /// begin with a dot (`.git`, `.Trash-1000`), and each would cost requests to the bucket and a
  /// line in the log.
  static func isHidden(_ name: Name) -> Bool { name.bytes.first == UInt8(ascii: ".") }

  /// - Throws: `MapRefusal` for impossible file names: the empty name, `.`, `..`, names with a
  ///   slash or more than 255 bytes; and for hidden names.
  public init(_ bytes: [UInt8]) throws(MapRefusal) {
    let problem: String? =
      switch bytes.count {
      case 0: "the name is empty"
      case 1 where bytes[0] == UInt8(ascii: "."): "'.' is not a valid image name"
      case 2 where bytes.elementsEqual("..".utf8): "'..' is not a valid image name"
      case (Int(NAME_MAX) + 1)...: "the name is longer than \(NAME_MAX) bytes"
      default:
        bytes.contains(where: { $0 == pathSeparator || $0 == 0 })
          ? "a name cannot contain '/'" : nil
      }
    if let problem { throw MapRefusal(.badKey, bytes, problem) }
    let name = Name(unchecked: bytes)
    guard !Self.isHidden(name) else {
      throw MapRefusal(
        .hidden, bytes,
        "names that begin with a dot are never looked up in the bucket; rename the image")
    }
    self.name = name
  }

  /// The file names its image may have in the folder, in order of precedence.
  ///
  /// A key with an image's suffix is tried unchanged first. A key `NAME` is then `NAME.squash`, and
  /// so on in the given order. Names that would be too long are skipped.
  public func candidates(suffixes: [[UInt8]]) -> [[UInt8]] {
    let bytes = name.bytes
    var names: [[UInt8]] = []
    for suffix in suffixes where bytes.count > suffix.count {
      if bytes[(bytes.count - suffix.count)...].elementsEqual(suffix) {
        names.append(bytes)
        break
      }
    }
    for suffix in suffixes where bytes.count + suffix.count <= Int(NAME_MAX) {
      names.append(bytes + suffix)
    }
    return names
  }
}
