import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import autosquash

/// Users of other programs learn what their options are called here.
@Suite struct HabitTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir tree; echo x > tree/x; '\(Tool.autosquash)' pack tree -o x.squash -q"],
      in: folder.root)
  }

  private func run(_ line: String) throws -> Tool.Result {
    let words = line.split(separator: " ").map(String.init)
    return try Tool.run([Tool.autosquash] + words, in: folder.root)
  }

  @Test(arguments: [
    ("pack tree -o a.sqfs -comp xz", "pack has no option '-comp'; it is --compression here"),
    (
      "pack tree a.sqfs -noappend",
      "pack has no option '-noappend'; leave it out: images are never appended to; --force replaces "
        + "an existing one"
    ),
    (
      "pack tree -all-root",
      "pack has no option '-all-root'; leave it out: everything belongs to root already"
    ),
    ("pack tree -processors 4", "pack has no option '-processors'; it is --threads here"),
    ("pack tree -e x", "pack has no option '-e'; use --exclude PATTERN, once for each"),
    (
      "pack tree -force-uid 0",
      "pack has no option '-force-uid'; use --ownership UID:GID, in numbers"
    ),
    ("pack tree --owner=0", "pack has no option '--owner'; use --ownership UID:GID, in numbers"),
    ("pack tree --chown 0:0", "pack has no option '--chown'; use --ownership UID:GID, in numbers"),
    // It has -h, which asks for help, and -c, which takes a value.
    ("pack tree -Xhc", "pack has no option '-Xhc'; use --compression lz4 --level 12"),
    (
      "pack -czf a tree",
      "pack has no option '-z'; leave it out: a source's compression is recognised; --compression "
        + "is the image's"
    ),
    ("pack tree -b1M", "pack has no option '-b1M'; put a space between: -b 1M"),
    ("pack tree --exlude x", "pack has no option '--exlude'; did you mean --exclude?"),
    ("pack tree -quiet", "pack has no option '-quiet'; did you mean --quiet?"),
    ("pack tree --compr xz", "pack has no option '--compr'; did you mean --compression?"),
    // Never the opposite.
    ("pack tree --no-force", "pack has no option '--no-force'; 'autosquash pack --help' lists all"),
    // The argument parser finds other faults first.
    ("pack --foo", "pack has no option '--foo'; 'autosquash pack --help' lists all"),
    ("pack tree tree -o --foo", "pack has no option '--foo'; 'autosquash pack --help' lists all"),
    (
      "extract x.squash -lc",
      "extract has no option '-lc'; it is --list here"
    ),
    (
      "pack t -n",
      "pack has no option '-n'; it is --dry-run here"
    ),
    (
      "pack t --include-from x",
      "pack has no option '--include-from'; use --include PATTERN, once for each"
    ),
    (
      "pack t -czstd",
      "pack has no option '-czstd'; put a space between: -c zstd"
    ),
    (
      "extract -lls x.squash",
      "extract has no option '-lls'; use autosquash ls -lR IMAGE, which lists it"
    ),
    (
      "cat -n x.squash x",
      "cat has no option '-n'; use cat for that: autosquash cat IMAGE PATH | cat -n"
    ),
    (
      "diff -rq tree x.squash",
      "diff has no option '-r'; leave it out: directories are compared with all their contents"
    ),
    ("verify -c x.mtree x.squash", "verify has no option '-c'; it is --manifest NAME.mtree here"),
    ("ls -A x.squash", "ls has no option '-A'; it is -a here"),
    (
      "ls --summarize x.squash",
      "ls has no option '--summarize'; use autosquash info IMAGE, which counts"
    ),
    ("overlay link --dryrun", "overlay link has no option '--dryrun'; it is --dry-run here"),
    ("overlay --delete", "overlay has no option '--delete'; use autosquash overlay prune"),
    (
      "trace tree -o list sh -c true",
      "trace has no option '-c'; options of the command come after --: autosquash trace -o FILE -- "
        + "COMMAND …"
    ),
    ("-xvf x.squash", "there is no option '-xvf'; it is autosquash extract here"),
    ("-V", "there is no option '-V'; it is --version here"),
  ])
  func optionsAreTold(line: String, message: String) throws {
    let result = try run(line)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors == "autosquash: \(message)\n", "\(line)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.root).count == 2)
  }

  @Test func allOptionsAreTold() throws {
    let result = try run("pack tree -o a.sqfs -comp xz -b 1M -processors 4 -comp gzip")
    #expect(
      result.errors == """
        autosquash: pack has no option '-comp'; it is --compression here
        autosquash: pack has no option '-processors'; it is --threads here

        """)
  }

  /// Values are not options, nor is anything after "--", and a request for help is granted.
  @Test func onlyOptionsAreTold() throws {
    let missing = try run("pack -- -comp")
    #expect(missing.status == 2 && missing.errors.contains("-comp: "), "\(missing.summary)")
    let value = try run("pack tree --level x")
    #expect(value.status == 64 && value.errors.contains("'x'"), "\(value.summary)")
    #expect(try run("pack --foo --help").text.contains("USAGE: autosquash pack"))
    #expect(try run("verify -z -h").text.contains("USAGE: autosquash verify"))
  }

  @Test(arguments: [
    ("unpack", "it is 'autosquash extract' here"), ("x", "it is 'autosquash extract' here"),
    ("unsquashfs", "it is 'autosquash extract' here"),
    ("create", "it is 'autosquash pack' here"), ("mksquashfs", "it is 'autosquash pack' here"),
    ("check", "it is 'autosquash verify' here"), ("list", "it is 'autosquash ls' here"),
    ("stat", "it is 'autosquash info' here"), ("compare", "it is 'autosquash diff' here"),
    ("umount", "it is 'autosquash unmount' here"),
    ("squashfuse", "it is 'autosquash mount' here"),
    ("pakc", "did you mean pack? 'autosquash --help' lists all"),
    // Closer to a word that means the opposite.
    ("unpakc", "it is 'autosquash extract' here"), ("unpak", "it is 'autosquash extract' here"),
    ("something", "'autosquash --help' lists all"),
    ("tree", "it is 'autosquash ls -lR' here"),
    ("./tree", "'autosquash pack ./tree' makes an image of it"),
    (
      "x.squash",
      "'autosquash ls x.squash' lists this image, 'extract' unpacks it, 'verify' checks it"
    ),
  ])
  func commandsAreTold(word: String, advice: String) throws {
    let result = try run("\(word) tree")
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors == "autosquash: there is no command '\(word)'; \(advice)\n")
  }

  @Test func helpKnowsNoOtherCommandsEither() throws {
    let result = try run("help pck")
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(
      result.errors
        == "autosquash: there is no command 'pck'; did you mean pack? 'autosquash --help' lists all\n"
    )
    #expect(try run("help pack").text.contains("USAGE: autosquash pack"))
  }

  /// Other programs' names for the directory to unpack into.
  @Test(arguments: ["-d", "-o", "-C"])
  func directoriesHaveSeveralOptions(option: String) throws {
    let result = try run("extract x.squash \(option) out")
    #expect(result.status == 0, "\(result.summary)")
    #expect(folder.exists("out/x"))
  }

  private static let commands: [(name: String, type: any ParsableCommand.Type)] = [
    ("pack", Pack.self), ("extract", Extract.self), ("ls", List.self), ("cat", Cat.self),
    ("info", Info.self), ("verify", Verify.self), ("diff", Diff.self), ("manifest", Manifest.self),
    ("setup", Setup.self), ("upload", Upload.self), ("overlay", OverlayLink.self),
  ]

  /// Recommended options exist, and no existing one is called unknown.
  @Test func adviceCanBeFollowed() throws {
    let own = Dictionary(
      uniqueKeysWithValues: Self.commands.map { ($0.name, CommandOptions(of: $0.type)) })
    for (command, options) in own {
      let habits = Habits.options(of: command)
      #expect(habits.count > 1 && habits.allSatisfy { !$0.words.isEmpty })
      for habit in habits {
        for word in habit.words where word.hasPrefix("--") || word.count == 2 {
          let name = String(word.drop { $0 == "-" })
          #expect(options.takesValue(name) == nil, "\(command) \(word) exists")
        }
        // The words after a command's name are its options; others are tar's.
        let words = habit.advice.text.split { " ;:,'()|<>".contains($0) }.map(String.init)
        var named: CommandOptions? = options
        for (previous, word) in zip(["for"] + words, words) {
          if previous == "autosquash" {
            let advised: CommandOptions = try #require(own[word], "\(word)")
            named = advised
          }
          if word == "tar" { named = nil }
          guard let named, word.hasPrefix("--"), word != "--help" else { continue }
          #expect(named.takesValue(word.dropFirst(2)) != nil, "\(command): \(word)")
        }
      }
    }
  }

  /// Recommended commands exist.
  @Test func advisedCommandsRun() throws {
    #expect(Habits.commandWords.count == Set(Habits.commandWords).count)
    for word in Habits.commandWords {
      let advice = try #require(Habits.command(word))
      guard advice.hasPrefix("it is 'autosquash ") else { continue }
      let command = advice.dropFirst("it is 'autosquash ".count).prefix { $0 != "'" }
      let help = try run("\(command) --help".replacingOccurrences(of: "help --help", with: "help"))
      #expect(help.status == 0, "\(word): \(help.summary)")
      if command != "--version" { #expect(help.text.contains("USAGE: autosquash")) }
    }
  }
}
