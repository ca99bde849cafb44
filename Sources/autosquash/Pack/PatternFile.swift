import FileTrees
import Inputs

/// A file of patterns, one per line; empty lines and lines that begin with # are ignored.
enum PatternFile {
  static func read(_ path: [UInt8]) throws -> [SelectionPattern] {
    try ListFile.read(path).split(separator: UInt8(ascii: "\n"))
      .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
      .filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
      .map { SelectionPattern(Glob(Array($0)), .excludeFrom(path)) }
  }
}
