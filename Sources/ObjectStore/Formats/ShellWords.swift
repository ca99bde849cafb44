/// Splits a command as a shell would, without anything else that a shell does.
enum ShellWords {
  /// The words, which quotation marks and backslashes keep together.
  ///
  /// - Returns: `nil` if a quotation mark, or a backslash's character, is missing.
  static func split(_ text: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Unicode.Scalar?
    var rest = text.unicodeScalars[...]
    while let next = rest.popFirst() {
      switch (next, quote) {
      case ("\\", nil), ("\\", "\""):
        guard let escaped = rest.popFirst() else { return nil }
        var kept = word ?? ""
        // Between double quotation marks a backslash is special before these two only.
        if quote != nil, escaped != "\"", escaped != "\\" { kept.unicodeScalars.append(next) }
        kept.unicodeScalars.append(escaped)
        word = kept
      case ("\"", nil), ("'", nil):
        quote = next
        word = word ?? ""
      case (_, let mark?) where mark == next: quote = nil
      case (" ", nil), ("\t", nil), ("\n", nil), ("\r", nil):
        if let complete = word { words.append(complete) }
        word = nil
      default:
        var kept = word ?? ""
        kept.unicodeScalars.append(next)
        word = kept
      }
    }
    guard quote == nil else { return nil }
    if let word { words.append(word) }
    return words
  }
}
