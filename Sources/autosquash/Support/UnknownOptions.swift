import ArgumentParser
import Posix
import SquashFS
import Terminal

/// What to say about options that a command does not have.
///
/// The argument parser checks values and combinations before it looks for unknown options. To a
/// user, unknown options are the first mistake, so we look for them here whenever the parser has
/// found any fault, or has found the `-h` for help in `-Xhc`.
struct UnknownOptions {
  private let options: CommandOptions
  /// The name of the command, and of its subcommand.
  private let name: String
  private let habits: [Habit]

  /// Whether a word requests something the parser prints at once.
  static func isRequest(_ word: String) -> Bool {
    ["help", "-h", "-help"].contains(word) || requests.contains { word.hasPrefix("--\($0)") }
  }

  private static let requests = [
    "help", "version", "experimental-dump-help", "generate-completion-script",
  ]

  /// - Returns: a sentence for each.
  static func complaints(
    about arguments: [String], root: any ParsableCommand.Type
  ) -> [String] {
    var command = root
    var names: [String] = []
    var rest = arguments[...]
    while let word = rest.first,
      let next = subcommands(of: command).first(where: { $0._commandName == word })
    {
      command = next
      names.append(word)
      rest = rest.dropFirst()
    }
    let name = names.isEmpty ? root._commandName : names.joined(separator: " ")
    return UnknownOptions(
      options: CommandOptions(of: command), name: name,
      habits: Habits.options(of: names.first ?? "")
    ).complaints(about: rest)
  }

  private static func subcommands(
    of command: any ParsableCommand.Type
  ) -> [any ParsableCommand.Type] {
    command.configuration.groupedSubcommands.flatMap(\.subcommands)
      + command.configuration.subcommands
  }

  private func complaints(about arguments: ArraySlice<String>) -> [String] {
    var complaints: [String] = []
    var rest = arguments
    while let argument = rest.popFirst(), argument != "--" {
      guard argument.hasPrefix("-"), argument != "-" else { continue }
      let word = argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
      guard let takesValue = takesValue(word) else {
        let complaint = complaint(about: word)
        if !complaints.contains(complaint) { complaints.append(complaint) }
        continue
      }
      let hasValue = word.utf8.count < argument.utf8.count
      if takesValue, !hasValue, let next = rest.first, next == "-" || !next.hasPrefix("-") {
        rest = rest.dropFirst()
      }
    }
    return complaints
  }

  /// Whether a value follows an option or a group of letters; `nil` if one is unknown.
  private func takesValue(_ word: String) -> Bool? {
    if word.hasPrefix("--") {
      return options.takesValue(word.dropFirst(2)) ?? (Self.isRequest(word) ? false : nil)
    }
    var takesValue = false
    for letter in word.dropFirst() {
      guard let takes = options.takesValue(String(letter)) else { return nil }
      takesValue = takesValue || takes
    }
    return takesValue
  }

  private func complaint(about word: String) -> String {
    var word = word
    var advice = advice(on: word)
    // In a group of letters, name the unknown one.
    if advice == nil, let letter = unknownLetter(of: word) {
      word = "-\(letter)"
      advice = self.advice(on: word)
    }
    let shown = RawArguments.decode(word).escapedName
    let subject = name == "autosquash" ? "there is" : "\(name) has"
    let help = "'autosquash \(name == "autosquash" ? "" : "\(name) ")--help' lists all"
    return "\(subject) no option '\(shown)'; \(advice ?? help)"
  }

  private func advice(on word: String) -> String? {
    if let habit = habits.first(where: { $0.words.contains(word) }) { return habit.advice.text }
    if let means = Habits.everywhere.first(where: { habit in
      habit.words.contains(word) && options.takesValue(habit.option) != nil
    }) {
      return Advice.means("--\(means.option)").text
    }
    return nearest(to: word).map { "did you mean --\($0)?" } ?? joinedValue(word)
      ?? Habits.otherwise[name]
  }

  /// One of the command's own options, mistyped or with a single dash.
  private func nearest(to word: String) -> String? {
    let typed = String(word.drop { $0 == "-" })
    guard typed.count > 2 else { return nil }
    // Never suggest the opposite.
    let names = options.longNames.filter { $0.hasPrefix("no-") == typed.hasPrefix("no-") }
    let beginning = names.filter { $0.hasPrefix(typed) }
    if beginning.count == 1 { return beginning[0] }
    return Nearest.word(to: typed, among: names)
  }

  /// "-b1M", a form other programs accept.
  private func joinedValue(_ word: String) -> String? {
    guard !word.hasPrefix("--"), word.count > 2 else { return nil }
    let letter = word.dropFirst().prefix(1)
    let value = word.dropFirst(2)
    guard options.takesValue(letter) == true, isValue(value, of: letter) else { return nil }
    return "put a space between: -\(letter) \(RawArguments.decode(String(value)).shellWord)"
  }

  /// Whether the text after a letter is a value, not more letters or a word.
  private func isValue(_ value: Substring, of letter: Substring) -> Bool {
    value.contains { !$0.isLetter && $0 != "-" }
      || letter == "c" && Compression.Method(rawValue: String(value)) != nil
  }

  /// The unknown letter, if the others are the command's own.
  private func unknownLetter(of word: String) -> Character? {
    // Longer ones are words.
    guard !word.hasPrefix("--"), (3...5).contains(word.count) else { return nil }
    let unknown = word.dropFirst().filter { options.takesValue(String($0)) == nil }
    let hasAdvice = unknown.allSatisfy { letter in
      habits.contains { $0.words.contains("-\(letter)") }
    }
    return hasAdvice || word.count < 5 && unknown.count < word.count - 1 ? unknown.first : nil
  }
}
