import FileTrees
import Glibc
import Posix

/// A file with a list, named by an option; it may be a pipe.
package enum ListFile {
  /// All bytes of the file.
  ///
  /// - Throws: `SourceError` if it cannot be read.
  package static func read(_ path: [UInt8]) throws -> [UInt8] {
    let descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = retryingInterrupts { Glibc.read(descriptor, &piece, piece.count) }
      guard count >= 0 else { throw failure(path) }
      if count == 0 { break }
      bytes.append(contentsOf: piece[..<count])
    }
    return bytes
  }

  private static func failure(_ path: [UInt8]) -> SourceError {
    SourceError(.unreadable, path: path, "cannot read: \(SystemError.reason())")
  }
}
