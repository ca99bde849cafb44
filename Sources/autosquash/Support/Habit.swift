/// An option of other programs that users may try, with the advice for it.
struct Habit {
  /// As typed, dashes included.
  let words: [String]
  let advice: Advice

  init(_ words: String, _ advice: Advice) {
    self.words = words.split(separator: " ").map(String.init)
    self.advice = advice
  }
}

/// What to do instead of something missing.
enum Advice {
  /// The same under another name.
  case means(String)
  /// Nothing: it is the default.
  case isDefault(String)
  case use(String)
  /// Nothing corresponds, for this reason.
  case hasNone(String)

  var text: String {
    switch self {
    case .means(let name): "it is \(name) here"
    case .isDefault(let reason): "leave it out: \(reason)"
    case .use(let what): "use \(what)"
    case .hasNone(let reason): reason
    }
  }
}
