import ArgumentParser
import Posix

/// The command that the user has called, for advice that is right where it is printed.
enum RunningCommand {
  private static let options: CommandOptions? = {
    let word = ProcessArguments.all.dropFirst().first.map { String(decoding: $0, as: UTF8.self) }
    let commands = Autosquash.configuration.groupedSubcommands.flatMap(\.subcommands)
    return commands.first { $0._commandName == word }.map { CommandOptions(of: $0) }
  }()

  /// Whether the command has an option, which is given with its dashes.
  static func has(_ option: String) -> Bool {
    options?.takesValue(option.drop { $0 == "-" }) != nil
  }
}
