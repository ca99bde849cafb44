import FileTrees
import Glibc
import Posix

/// A file of patterns, one a line; empty lines and lines that begin with # count for nothing.
enum PatternFile {
  static func read(_ path: [UInt8]) throws -> [Glob] {
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
    return bytes.split(separator: UInt8(ascii: "\n"))
      .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
      .filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
      .map { Glob(Array($0)) }
  }

  private static func failure(_ path: [UInt8]) -> SourceError {
    SourceError(.unreadable, path: path, "cannot read: \(String(cString: strerror(errno)))")
  }
}
