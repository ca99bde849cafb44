import ArgumentParser
import FileTrees
import Inputs
import Terminal
import TreeModel

/// Sources, each with its own `--prefix`.
enum SourceArgument {
  /// Inserts the values of `--prefix` among the sources, because the argument parser does not
  /// preserve the order of options and arguments.
  ///
  /// - Parameter option: the option that names sources, if they are not plain arguments.
  static func marked(_ arguments: [String], option: String? = nil) -> [String] {
    var marked: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" { return marked + [argument] + rest }
      var value: String?
      if argument.hasPrefix("--prefix=") {
        value = String(argument.dropFirst("--prefix=".count))
      } else if argument == "--prefix" {
        value = rest.popFirst()
      }
      guard let value else {
        marked.append(argument)
        continue
      }
      if let option { marked.append(option) }
      marked.append(String(RawArguments.mark) + value)
    }
    return marked
  }

  /// The sources among arguments from `marked`. A prefix applies to the sources after it; a single
  /// one behind them all applies to all.
  ///
  /// - Throws: `ValidationError` for an invalid prefix, or one that no source follows.
  static func sources(_ arguments: [MarkedArgument]) throws -> [PlacedSource] {
    var prefix: [[UInt8]] = []
    var sources: [PlacedSource] = []
    var prefixes = 0
    var isUsed = true
    for argument in arguments {
      guard argument.isPrefix else {
        sources.append(PlacedSource(path: argument.bytes, prefix: prefix))
        isUsed = true
        continue
      }
      prefix = try SelectionOptions.components(ByteArgument(bytes: argument.bytes), "--prefix")
      prefixes += 1
      isUsed = false
    }
    if !isUsed && prefixes == 1 {
      for index in sources.indices { sources[index].prefix = prefix }
    } else if !isUsed && !sources.isEmpty {
      throw ValidationError("No source follows the last --prefix.")
    }
    return sources
  }
}

/// A source, or a value of `--prefix` at its place among the sources.
struct MarkedArgument: ExpressibleByArgument {
  var bytes: [UInt8]
  var isPrefix = false

  init?(argument: String) {
    // User input never begins like this.
    isPrefix = argument.unicodeScalars.first == RawArguments.mark
    bytes = RawArguments.decode(
      isPrefix ? String(argument.unicodeScalars.dropFirst()) : argument)
  }
}
