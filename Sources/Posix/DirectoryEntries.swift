public import Glibc

extension dirent {
  /// The name, without the NUL.
  public var name: [UInt8] {
    withUnsafeBytes(of: d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
  }
}
