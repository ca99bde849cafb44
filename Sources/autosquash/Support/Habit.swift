/// An option of other programs that somebody may try, and what to say then.
struct Habit {
  /// As they are typed, with their dashes.
  let words: [String]
  let advice: Advice

  init(_ words: String, _ advice: Advice) {
    self.words = words.split(separator: " ").map(String.init)
    self.advice = advice
  }
}

/// What to do in place of something that is not there.
enum Advice {
  /// The same under another name.
  case means(String)
  /// There is nothing to do.
  case isDefault(String)
  case use(String)
  /// There is no such thing, and why.
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
