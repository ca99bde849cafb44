import ArgumentParser
import Posix

/// What to say of a first word that is no command.
enum UnknownCommand {
  /// - Returns: a sentence for the user, `nil` where the word is a command, or an option.
  static func complaint(about word: String?, commands: [any ParsableCommand.Type]) -> String? {
    guard let word, !word.hasPrefix("-") else { return nil }
    let names = commands.map { $0._commandName } + ["help"]
    guard !names.contains(word) else { return nil }
    let shown = RawArguments.decode(word).escapedName
    let nearest = names.map { (distance($0, word), $0) }.min { $0.0 < $1.0 }
    let guess = nearest.flatMap { $0.0 <= 2 ? "did you mean \($0.1)? " : nil } ?? ""
    return "there is no command '\(shown)'; \(guess)'autosquash --help' lists all"
  }

  /// The number of letters to change, to insert or to remove between two words.
  private static func distance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (index, letter) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in second.indices {
        let changed = diagonal + (letter == second[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(changed, row[column] + 1, diagonal + 1)
      }
    }
    return row[second.count]
  }
}
