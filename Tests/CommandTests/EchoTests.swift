import Foundation
import Posix
import TestSupport
import Testing

/// Whatever an argument, a variable or a setting contains, no message passes it on to the terminal.
@Suite struct EchoTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir tree; echo x > tree/x; '\(Tool.autosquash)' pack tree -o x.squash -q"],
      in: folder.root)
  }

  /// Colours, a line break, C1 controls as a character and as a byte, a direction, invalid UTF-8.
  private static let bad =
    Array("a\u{1B}[31m\r\nforged\u{9B}31m\u{202E}\u{7F}".utf8) + [0x9b, 0xff]

  /// A command and its options, from the help for programs.
  private struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        var kind: String
        var name: String
      }
      var kind: String
      var names: [Name]?
      var isOptional: Bool
      var isRepeating: Bool
    }
    var commandName: String
    var arguments: [Argument]?
    var subcommands: [Command]?
  }

  private struct Help: Decodable { var command: Command }

  /// Covers every option of every command, and makes nothing.
  private func calls() throws -> [[[UInt8]]] {
    let dump = try Tool.autosquash("--experimental-dump-help")
    let root = try JSONDecoder().decode(Help.self, from: Data(dump.output)).command
    var calls: [[[UInt8]]] = [[Self.bad], [Array("help".utf8), Self.bad]]
    var seen: Set<String> = []
    func visit(_ command: Command, _ path: [String]) {
      if let subcommands = command.subcommands {
        for next in subcommands where next.commandName != "help" {
          visit(next, path + [next.commandName])
        }
        if !path.isEmpty { calls.append(path.map { Array($0.utf8) } + [Self.bad]) }
        if !path.isEmpty || command.arguments == nil { return }
      }
      guard !path.isEmpty else { return }
      let arguments = command.arguments ?? []
      let names = arguments.flatMap { ($0.names ?? []).map(\.name) }
      var base = path.map { Array($0.utf8) }
      // The machine must not change.
      if names.contains("dry-run") { base.append(Array("--dry-run".utf8)) }
      if path == ["refresh"] || path == ["overlay", "link"] || path == ["overlay", "prune"] {
        base.append(Array("--no-such-option".utf8))
      }
      let needed = arguments.filter { $0.kind == "positional" && !$0.isOptional }
      let operands = needed.map { _ in
        Array((["pack", "manifest"].contains(path[0]) ? "tree" : "x.squash").utf8)
      }
      calls.append(base + [Array("--".utf8) + Self.bad] + operands)
      calls.append(base + [Array("-".utf8) + Self.bad] + operands)
      calls.append(base + operands + [Self.bad, Self.bad, Self.bad])
      for index in operands.indices {
        calls.append(base + operands[..<index] + [Self.bad] + operands[(index + 1)...])
      }
      for argument in arguments where argument.kind == "option" {
        let name = argument.names!.first { $0.kind == "long" }!.name
        // An option of a group shared by several commands behaves the same in all of them.
        guard seen.insert(name).inserted else { continue }
        calls.append(base + operands + [Array("--\(name)".utf8), Self.bad])
      }
      for flag in arguments where flag.kind == "flag" && path == ["pack"] {
        guard let name = flag.names?.first(where: { $0.kind == "long" })?.name else { continue }
        calls.append(base + operands + [Array("--\(name)=".utf8) + Self.bad])
      }
    }
    visit(root, [])
    return calls
  }

  /// - Returns: what a terminal would act on.
  private func harm(in bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return "not UTF-8" }
    // Invalid UTF-8 has become U+FFFD by now.
    let scalar = text.unicodeScalars.first {
      ($0.isUnprintable && $0 != "\n") || $0 == "\u{FFFD}"
    }
    if let scalar { return "U+\(String(scalar.value, radix: 16))" }
    return text.contains("\nforged") ? "a line" : nil
  }

  private func check(_ call: [[UInt8]], environment: [String: String] = [:]) throws -> Tool.Result {
    let result = try Tool.run(
      bytes: [Array(Tool.autosquash.utf8)] + call, in: folder.root, environment: environment)
    let shown = call.map(\.escapedName).joined(separator: " ")
    #expect(harm(in: Array(result.errors.utf8)) == nil, "\(shown): \(result.errors)")
    #expect(harm(in: result.output) == nil, "\(shown): \(result.text)")
    return result
  }

  @Test func noArgumentReachesTheTerminal() throws {
    let calls = try calls()
    #expect(calls.count > 80)
    var echoed = 0
    for call in calls {
      let result = try check(call)
      if result.errors.contains("a\\033[31m\\r\\nforged\\302\\23331m\\342\\200\\256\\177\\233\\377")
      {
        echoed += 1
      }
    }
    #expect(echoed > 50)
  }

  /// A name with such bytes is a name like any other, even where a text is expected.
  @Test func namesKeepTheirBytes() throws {
    let name = Self.bad
    let result = try Tool.run(
      bytes: [Array(Tool.autosquash.utf8), Array("pack".utf8), Array("tree".utf8)]
        + [Array("-q".utf8), Array("--prefix".utf8), name, Array("-o".utf8), name], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let listing = try Tool.run(
      bytes: [Array(Tool.autosquash.utf8), Array("cat".utf8), name, name + Array("/x".utf8)],
      in: folder.root)
    #expect(listing.text == "x\n", "\(listing.summary)")
  }

  /// Variables and settings are escaped in messages like names.
  @Test func noVariableReachesTheTerminal() throws {
    let bad = String(decoding: Self.bad.dropLast(2), as: UTF8.self)
    let pack = ["pack", "tree", "-o", "y.squash"].map { Array($0.utf8) }
    #expect(try check(pack, environment: ["SOURCE_DATE_EPOCH": bad]).status == 1)
    let stream = ["pack", "tree", "-o", "-"].map { Array($0.utf8) }
    #expect(try check(stream, environment: ["TMPDIR": bad]).status == 1)
    let images = [Array("images".utf8)]
    #expect(try check(images, environment: ["AUTOSQUASH_CONFIG": bad]).status != 0)
    for setting in ["\(bad) = 1", "images = \(bad)", "timeout = \(bad)", "state = /\(bad)"] {
      let line = setting.replacingOccurrences(of: "\n", with: "") + "\n"
      try folder.write("conf", Array(line.utf8) + [0xff, 0x0a])
      let path = ["AUTOSQUASH_CONFIG": folder.path("conf")]
      _ = try check(images, environment: path)
      _ = try check(["map", "x"].map { Array($0.utf8) }, environment: path)
    }
  }
}
