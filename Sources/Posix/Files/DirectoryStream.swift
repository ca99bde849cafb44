import Glibc

/// The entries of a directory, in the file system's own order.
public struct DirectoryStream: ~Copyable {
  private let stream: OpaquePointer
  private let path: [UInt8]

  /// An entry.
  public struct Entry {
    /// Never `.` or `..`.
    public let name: Name
    /// The `DT_…` of readdir(3); `DT_UNKNOWN` where the file system does not say.
    fileprivate let type: UInt8
  }

  /// The kind of file an entry is.
  public enum Kind: Sendable { case directory, regular, link, other }

  /// Takes over a directory opened for reading.
  ///
  /// - Parameter path: the name for messages.
  /// - Throws: `SystemError`, also if `descriptor` is `nil`: `errno` then says why.
  public init(_ descriptor: consuming Descriptor?, path: [UInt8]) throws(SystemError) {
    guard let descriptor = consume descriptor else { throw SystemError("list", path: path) }
    guard let stream = fdopendir(descriptor.number) else { throw SystemError("list", path: path) }
    _ = descriptor.release()
    self.stream = stream
    self.path = path
  }

  /// Opens a directory.
  public init(at path: HostPath) throws(SystemError) {
    try self.init(Descriptor(opening: path.bytes, O_RDONLY | O_DIRECTORY), path: path.bytes)
  }

  deinit { closedir(stream) }

  /// For system calls that take a directory first.
  public var descriptor: Int32 { dirfd(stream) }

  /// The next entry; `nil` at the end.
  ///
  /// - Throws: `SystemError` when reading the directory fails.
  public mutating func next() throws(SystemError) -> Entry? {
    guard let entry = try advance() else { return nil }
    return Entry(
      name: Name(unchecked: Self.withName(of: entry) { Array($0) }), type: entry.pointee.d_type)
  }

  /// Calls `body` with each remaining name, valid only during the call: for directories with so
  /// many entries that an array for each would cost too much.
  public mutating func forEachName(
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(SystemError) {
    while let entry = try advance() { Self.withName(of: entry, body) }
  }

  private func advance() throws(SystemError) -> UnsafeMutablePointer<dirent>? {
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw SystemError("list", path: path) }
        return nil
      }
      if Self.withName(of: entry, { !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }) {
        return entry
      }
    }
  }

  private static func withName<R>(
    of entry: UnsafeMutablePointer<dirent>, _ body: (UnsafeRawBufferPointer) -> R
  ) -> R {
    withUnsafeBytes(of: &entry.pointee.d_name) { name in
      let count = strnlen(name.baseAddress!.assumingMemoryBound(to: CChar.self), name.count)
      return body(UnsafeRawBufferPointer(rebasing: name[..<count]))
    }
  }

  /// The kind of an entry; costs a system call only where the file system does not list it.
  ///
  /// - Returns: `nil` on failure; `errno` says why.
  public func kind(of entry: Entry) -> Kind? {
    switch Int(entry.type) {
    case DT_DIR: return .directory
    case DT_REG: return .regular
    case DT_LNK: return .link
    case DT_UNKNOWN: break
    default: return .other
    }
    guard let status = stat(entry.name.bytes, in: descriptor) else { return nil }
    return status.isDirectory
      ? .directory : status.isRegular ? .regular : status.isLink ? .link : .other
  }
}
