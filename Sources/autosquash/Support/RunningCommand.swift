import ArgumentParser
import FileTrees
import Posix

/// The command that the user has called, for advice that is right where it is printed.
enum RunningCommand {
  /// Its name, if it is one.
  static let word = ProcessArguments.all.dropFirst().first.map {
    String(decoding: $0, as: UTF8.self)
  }

  private static let options: CommandOptions? = {
    let commands = Autosquash.configuration.groupedSubcommands.flatMap(\.subcommands)
    return commands.first { $0._commandName == word }.map { CommandOptions(of: $0) }
  }()

  /// Whether a remedy is one in this command.
  static func takes(_ remedy: Remedy) -> Bool {
    remedy.option.map(has) ?? (word == Pack.configuration.commandName)
  }

  /// Whether the command has an option, which is given with its dashes.
  static func has(_ option: String) -> Bool {
    options?.takesValue(option.drop { $0 == "-" }) != nil
  }
}
