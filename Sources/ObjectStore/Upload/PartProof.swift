import HTTP
import Posix

/// Compares what a store says that it keeps with what was sent.
enum PartProof {
  /// - Returns: whether the ETag is that of other bytes; one that is no MD5 proves nothing.
  static func isOther(_ etag: String, than md5: [UInt8], _ answer: HTTPAnswer) -> Bool {
    guard !isEncrypted(answer) else { return false }
    let digits = etag.filter { $0 != "\"" }.lowercased()
    guard digits.utf8.count == 32, digits.utf8.allSatisfy({ isHexadecimal($0) }) else {
      return false
    }
    return digits != String(decoding: md5.hexadecimal, as: UTF8.self)
  }

  /// Whether the store keeps it encrypted with a key of the user's, so that its ETag is no MD5.
  static func isEncrypted(_ answer: HTTPAnswer) -> Bool {
    answer.header("x-amz-server-side-encryption").map { $0 != "AES256" } ?? false
      || answer.header("x-amz-server-side-encryption-customer-algorithm") != nil
  }

  /// - Parameter checksum: a store's, in base64.
  static func isOther(_ checksum: String?, than crc64: CRC64NVME) -> Bool {
    // Eight bytes make twelve characters; one store answers with four bytes of something else.
    guard let checksum, checksum.utf8.count == 12 else { return false }
    return checksum != crc64.text
  }

  /// Whether the ETag is that of other parts, as many as those of `composite`.
  static func isOther(_ etag: String, than composite: String) -> Bool {
    let mine = etag.filter { $0 != "\"" }.lowercased()
    let other = composite.filter { $0 != "\"" }.lowercased()
    guard mine.utf8.count == other.utf8.count, mine.dropFirst(32) == other.dropFirst(32) else {
      return false
    }
    return mine.utf8.prefix(32).allSatisfy { isHexadecimal($0) } && mine != other
  }

  /// The ETag of a part, or of an object sent at once.
  static func single(_ md5: [UInt8]) -> String {
    "\"\(String(decoding: md5.hexadecimal, as: UTF8.self))\""
  }

  /// The ETag of an object of several parts.
  static func composite(_ parts: [[UInt8]]) -> String {
    let digest = MD5.digest(of: parts.flatMap(\.self)).hexadecimal
    return "\"\(String(decoding: digest, as: UTF8.self))-\(parts.count)\""
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
