internal import Glibc
internal import Posix

/// A directory that is open while what is in it is visited, with its names in byte order.
package final class OpenDirectory {
  package let descriptor: Int32
  let status: stat
  /// The path below the top of the source.
  package let path: [UInt8]
  private var names: ByteNames
  private let stamp: FileStamp

  /// Takes over the descriptor, and reads all names.
  ///
  /// - Throws: `UnreadableFile` when the directory cannot be read.
  package init(descriptor: Int32, path: [UInt8]) throws {
    self.descriptor = descriptor
    self.path = path
    names = ByteNames()
    var status = stat()
    let isKnown = fstat(descriptor, &status) == 0
    self.status = status
    guard isKnown else { throw UnreadableFile(reason: Self.failure(path)) }
    stamp = FileStamp(status)
    stamp.settle()
    // A second descriptor, as closedir closes the one it is given.
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let stream = fdopendir(copy) else {
      if copy >= 0 { close(copy) }
      throw UnreadableFile(reason: Self.failure(path))
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw UnreadableFile(reason: Self.failure(path)) }
        break
      }
      withUnsafeBytes(of: &entry.pointee.d_name) { name in
        let count = strnlen(name.baseAddress!.assumingMemoryBound(to: CChar.self), name.count)
        if name[0] == UInt8(ascii: "."), count == 1 || (count == 2 && name[1] == name[0]) { return }
        names.add(UnsafeRawBufferPointer(rebasing: name[..<count]))
      }
    }
    names.sort()
  }

  deinit { close(descriptor) }

  /// Whether it has the names that it had when they were read.
  var isUnchanged: Bool { FileStamp(descriptor: descriptor) == stamp }

  /// The next name in byte order, `nil` after the last.
  package func nextName() -> [UInt8]? { names.next() }

  /// What a symbolic link leads to; `nil`, with `errno`, for what is none.
  func target(of name: [UInt8]) -> [UInt8]? {
    var count = -1
    let target = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
      count = name.withCPath { name in
        buffer.withMemoryRebound(to: CChar.self) {
          readlinkat(descriptor, name, $0.baseAddress!, $0.count)
        }
      }
      initialized = max(0, count)
    }
    return count < 0 ? nil : Array(target)
  }

  private static func failure(_ path: [UInt8]) -> SourceError {
    let reason =
      errno == EMFILE
      ? "too many levels of directories for the limit on open files (ulimit -n)"
      : String(cString: strerror(errno))
    return SourceError(.unreadable, path: path, "cannot read the directory: \(reason)")
  }
}

/// Names in one block of memory, given out in byte order.
private struct ByteNames {
  private var bytes: [UInt8] = []
  private var ranges: [Range<Int>] = []
  private var given = 0

  mutating func add(_ name: UnsafeRawBufferPointer) {
    let start = bytes.count
    bytes.append(contentsOf: name)
    ranges.append(start..<bytes.count)
  }

  mutating func sort() {
    bytes.withUnsafeBytes { bytes in
      ranges.sort { first, second in
        let order = memcmp(
          bytes.baseAddress! + first.lowerBound, bytes.baseAddress! + second.lowerBound,
          min(first.count, second.count))
        return order == 0 ? first.count < second.count : order < 0
      }
    }
  }

  mutating func next() -> [UInt8]? {
    guard given < ranges.count else { return nil }
    defer { given += 1 }
    return Array(bytes[ranges[given]])
  }
}
