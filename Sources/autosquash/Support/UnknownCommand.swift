import ArgumentParser
import Glibc
import Inputs
import Posix
import Terminal

/// What to say about a first word that is not a command.
enum UnknownCommand {
  /// - Returns: a sentence for the user; `nil` if the word is a command or an option.
  static func complaint(about word: String?, commands: [any ParsableCommand.Type]) -> String? {
    guard let word, !word.hasPrefix("-") else { return nil }
    let names = commands.map { $0._commandName } + ["help"]
    guard !names.contains(word) else { return nil }
    let bytes = RawArguments.decode(word)
    let advice =
      Habits.command(word) ?? ofFile(bytes) ?? guess(word, names)
      ?? "'autosquash --help' lists all"
    return "there is no command '\(bytes.escapedName)'; \(advice)"
  }

  /// A user who starts with a file wants something done with it.
  private static func ofFile(_ path: [UInt8]) -> String? {
    guard path.withCPath({ access($0, F_OK) }) == 0 else { return nil }
    if TreeInput.isImage(path) {
      return "'autosquash ls \(path.shellWord)' lists this image, 'extract' unpacks it, "
        + "'verify' checks it"
    }
    return "'autosquash pack \(path.shellWord)' makes an image of it"
  }

  /// A word of other tools may be closer: "unpakc" is not "pack".
  private static func guess(_ word: String, _ names: [String]) -> String? {
    let known = Habits.commandWords.filter { $0.count > 3 }
    guard let nearest = Nearest.word(to: word, among: names + known) else { return nil }
    if names.contains(nearest) { return "did you mean \(nearest)? 'autosquash --help' lists all" }
    return Habits.command(nearest)
  }
}
