/// The 32-bit form in which inodes hold device numbers, Linux's `new_encode_dev`.
public enum EncodedDevice {
  /// - Returns: `nil` if the major (12 bits) or the minor number (20 bits) is too large.
  public static func encode(major: UInt32, minor: UInt32) -> UInt32? {
    guard major < 1 << 12, minor < 1 << 20 else { return nil }
    return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)
  }

  /// Splits a stored number.
  public static func decode(_ number: UInt32) -> (major: UInt32, minor: UInt32) {
    (number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00))
  }
}
