import Glibc
package import Posix

/// A directory kept open while its entries are visited, with its names in byte order.
package final class OpenDirectory {
  package var descriptor: Int32 { opened.number }
  private let opened: Descriptor
  let status: stat
  /// The path below the top of the source.
  package let path: [UInt8]
  private var names: ByteNames
  private let stamp: FileStamp

  /// Takes over an open directory and reads all names.
  ///
  /// - Throws: `UnreadableFile` if the directory cannot be read.
  package init(_ opened: consuming Descriptor, path: [UInt8]) throws {
    let number = opened.number
    self.opened = opened
    self.path = path
    names = ByteNames()
    guard let status = stat(of: number) else { throw UnreadableFile(reason: Self.failure(path)) }
    self.status = status
    stamp = FileStamp(status)
    stamp.settle()
    do throws(SystemError) {
      // A second descriptor, because the stream closes its own.
      var entries = try DirectoryStream(
        Descriptor(fcntl(number, F_DUPFD_CLOEXEC, 0)), path: path)
      try entries.forEachName { names.add($0) }
    } catch {
      errno = error.code
      throw UnreadableFile(reason: Self.failure(path))
    }
    names.sort()
  }

  /// Whether it still has the names that were read.
  var isUnchanged: Bool { FileStamp(descriptor: descriptor) == stamp }

  /// The next name in byte order, `nil` after the last.
  package func nextName() -> [UInt8]? { names.next() }

  /// The target of a symbolic link; `nil`, with `errno`, if it is not one.
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
      : SystemError.reason()
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
