import Glibc
import Posix

/// The options of an s3fs mount: s3fs(1).
struct S3FSOptions {
  /// Each as `NAME` or `NAME=VALUE`. A later one counts.
  let words: [[UInt8]]

  init(_ words: [[UInt8]]) { self.words = words }

  /// - Parameter arguments: of the process, with the program's name.
  init(arguments: [[UInt8]]) {
    words = arguments.flatMap { argument in
      argument.split(separator: UInt8(ascii: ",")).map { word in
        Array(word.starts(with: "-o".utf8) ? word.dropFirst(2) : word)
      }
    }
  }

  /// The value of an option; empty for one without a value.
  subscript(name: String) -> String? {
    words.last { $0.starts(with: "\(name)=".utf8) || $0.elementsEqual(name.utf8) }.map {
      String(decoding: $0.dropFirst(name.utf8.count + 1), as: UTF8.self)
    }
  }

  /// `multipart_size`, in MiB. The range is the one s3fs accepts; another process could claim
  /// anything.
  var partSize: Int { number("multipart_size", 10) }
  var parallelCount: Int { number("parallel_count", 5) }

  private func number(_ name: String, _ standard: Int) -> Int {
    min(max(self[name].flatMap { Int($0) } ?? standard, 1), 10_000)
  }
}
