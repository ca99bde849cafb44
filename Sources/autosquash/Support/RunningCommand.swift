import ArgumentParser
import FileTrees
import Posix

/// The command the user called, so that advice fits it.
enum RunningCommand {
  /// The first word, if it is a command.
  static let word = ProcessArguments.all.dropFirst().first.map {
    String(decoding: $0, as: UTF8.self)
  }

  private static let options: CommandOptions? = {
    let commands = Autosquash.configuration.groupedSubcommands.flatMap(\.subcommands)
    return commands.first { $0._commandName == word }.map { CommandOptions(of: $0) }
  }()

  /// Whether a remedy works in this command.
  static func takes(_ remedy: Remedy) -> Bool {
    remedy.option.map(has) ?? (word == Pack.configuration.commandName)
  }

  /// Whether the command has an option; the name includes its dashes.
  static func has(_ option: String) -> Bool {
    options?.takesValue(option.drop { $0 == "-" }) != nil
  }
}
