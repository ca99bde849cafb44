import ArgumentParser
import FoundationEssentials

/// The options of a command, as the argument parser describes them to programs.
///
/// Asking takes milliseconds, so ask only to explain an error.
struct CommandOptions {
  /// Names without dashes, and whether a value follows.
  private let takesValue: [String: Bool]

  private struct Help: Decodable {
    struct Command: Decodable { var arguments: [Argument]? }
    struct Argument: Decodable {
      struct Name: Decodable { var name: String }
      var kind: String
      var names: [Name]?
    }
    var command: Command
  }

  init(of command: any ParsableArguments.Type) {
    let help = try? JSONDecoder().decode(Help.self, from: Data(command._dumpHelp().utf8))
    var takesValue = ["help": false, "version": false]
    for argument in help?.command.arguments ?? [] {
      for name in argument.names ?? [] { takesValue[name.name] = argument.kind == "option" }
    }
    if takesValue["h"] == nil { takesValue["h"] = false }
    self.takesValue = takesValue
  }

  /// Whether a value follows an option; `nil` if there is no such option.
  func takesValue(_ name: some StringProtocol) -> Bool? { takesValue[String(name)] }

  /// The names longer than a letter.
  var longNames: [String] { takesValue.keys.filter { $0.count > 1 }.sorted() }
}
