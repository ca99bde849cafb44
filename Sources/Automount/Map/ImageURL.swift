import Posix

/// The URL of an image in a bucket as the source of a mount.
///
/// Keys may have any bytes, but autofs cannot carry all of them; those are written as `%22`.
public struct ImageURL: Equatable, Sendable {
  /// The URL itself.
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// - Parameter encoded: from a mount's source.
  /// - Returns: `nil` if it is not the URL of an object in a bucket.
  init?(encoded: [UInt8]) {
    guard encoded.starts(with: BucketFolder.scheme) else { return nil }
    var bytes: [UInt8] = []
    var rest = encoded[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let decoded = [UInt8](hexadecimal: rest.prefix(2)), decoded.count == 1
      else { return nil }
      bytes.append(decoded[0])
      rest = rest.dropFirst(2)
    }
    self.bytes = bytes
  }

  var encoded: [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      if byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "%") {
        result += [UInt8(ascii: "%")] + [byte].hexadecimal
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
