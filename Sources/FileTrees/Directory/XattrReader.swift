import CLinux
import Glibc
import Posix
import TreeModel

/// Reads the extended attributes of files, reusing its buffers.
final class XattrReader {
  private var names = [CChar](repeating: 0, count: LinuxLimits.longestXattrList)
  private var value = [UInt8](repeating: 0, count: LinuxLimits.longestXattrValue)

  /// The attributes of an open file.
  ///
  /// - Throws: `UnreadableFile` if an attribute exists but cannot be read.
  func read(descriptor: Int32, path: [UInt8]) throws -> [ExtendedAttribute] {
    let listed = names.withUnsafeMutableBufferPointer {
      flistxattr(descriptor, $0.baseAddress!, $0.count)
    }
    return try attributes(listed: listed, path) { name, buffer in
      fgetxattr(descriptor, name, buffer.baseAddress!, buffer.count)
    }
  }

  /// The attributes of a file that cannot be opened, such as a symbolic link itself.
  ///
  /// - Parameter follows: whether to follow a symbolic link.
  func read(unopened path: [UInt8], follows: Bool) throws -> [ExtendedAttribute] {
    let list = follows ? listxattr : llistxattr
    let get = follows ? getxattr : lgetxattr
    let listed = names.withUnsafeMutableBufferPointer { names in
      path.withCPath { list($0, names.baseAddress!, names.count) }
    }
    return try attributes(listed: listed, path) { name, buffer in
      path.withCPath { get($0, name, buffer.baseAddress!, buffer.count) }
    }
  }

  private func attributes(
    listed: Int, _ path: [UInt8],
    _ get: (UnsafePointer<CChar>, UnsafeMutableRawBufferPointer) -> Int
  ) throws -> [ExtendedAttribute] {
    if listed == 0 { return [] }
    guard listed > 0 else {
      // A file system without attributes has none.
      if errno == ENOTSUP || errno == ENOENT || errno == ENAMETOOLONG { return [] }
      throw failure(path)
    }
    var list: [ExtendedAttribute] = []
    var start = 0
    while start < listed {
      let name = names[start...].prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let count = names.withUnsafeBufferPointer { names in
        value.withUnsafeMutableBytes { get(names.baseAddress! + start, $0) }
      }
      start += name.count + 1
      if count < 0 {
        if errno == ENODATA || errno == EOPNOTSUPP { continue }
        throw failure(path)
      }
      list.append(ExtendedAttribute(name: name, value: Array(value[..<count])))
    }
    return list
  }

  private func failure(_ path: [UInt8]) -> UnreadableFile {
    let reason = SystemError.reason()
    return UnreadableFile(
      reason: SourceError(
        .unreadable, path: path, "cannot read its extended attributes: \(reason)"))
  }
}
