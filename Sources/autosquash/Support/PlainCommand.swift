import Listings
import Terminal

/// A command whose arguments are all operands, such as `ls IMAGE`.
///
/// The argument parser finds its types at run time, which takes longer than reading a small image.
/// Scripts call these commands over and over, so the plain form does without the parser. Everything
/// else goes to the parser, which alone knows the options and what is wrong with arguments.
enum PlainCommand {
  /// - Parameter arguments: without the program's name.
  /// - Returns: `nil` if it takes the parser to understand them.
  static func query(_ arguments: [[UInt8]]) -> (any ImageQuery)? {
    guard arguments.count >= 2,
      arguments.allSatisfy({ $0.first.map { $0 != UInt8(ascii: "-") } ?? false })
    else { return nil }
    let image = arguments[1]
    let paths = Array(arguments[2...])
    switch String(decoding: arguments[0], as: UTF8.self) {
    case "info" where paths.count <= 1: return InfoQuery(image: image, path: paths.first)
    case "ls":
      var options = Listing.Options()
      options.columns = ListQuery.terminalWidth
      return ListQuery(image: image, paths: paths, options: options)
    case "cat" where !paths.isEmpty: return CatQuery(image: image, paths: paths)
    default: return nil
    }
  }

  /// Answers the query.
  ///
  /// - Returns: the exit status.
  static func run(_ query: some ImageQuery) -> Int32 {
    do { return try query.execute() } catch { return Messages.fail(query.image, error) }
  }
}
