import ArgumentParser
import Posix

/// The command that the user has called, for advice that is right where it is printed.
enum RunningCommand {
  private static let options: Set<Substring> = {
    let word = ProcessArguments.all.dropFirst().first.map { String(decoding: $0, as: UTF8.self) }
    let commands = Autosquash.configuration.groupedSubcommands.flatMap(\.subcommands)
    guard let command = commands.first(where: { $0._commandName == word }) else { return [] }
    let lines = command.helpMessage(includeHidden: true).split(separator: "\n")
    return Set(
      lines.filter { $0.hasPrefix("  -") }
        .flatMap { $0.split(whereSeparator: " ,/".contains).prefix { $0.hasPrefix("-") } })
  }()

  /// Whether the command has an option.
  static func has(_ option: String) -> Bool { options.contains(option[...]) }
}
