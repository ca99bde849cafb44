import Glibc
import Posix

/// Where a result goes: to standard output, or to a file that appears when it is complete.
struct ResultFile: ~Copyable {
  private let file: AtomicFile?
  private var output = StandardOutput()

  /// - Parameter path: `nil` and `-` are standard output.
  init(_ path: [UInt8]?, replacing: Bool) throws {
    file = try path.flatMap { path in
      path == [UInt8(ascii: "-")] ? nil : try AtomicFile(path: path, replacing: replacing)
    }
  }

  mutating func write(_ text: String) throws {
    guard let file else { return try output.write(text) }
    var text = text
    try text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = retryingInterrupts {
          Glibc.write(file.descriptor, bytes.baseAddress! + done, bytes.count - done)
        }
        guard count > 0 else { throw SystemError("write", path: file.path) }
        done += count
      }
    }
  }

  /// Puts the file under its name.
  mutating func finish() throws {
    try output.flush()
    try file?.publish()
  }
}
