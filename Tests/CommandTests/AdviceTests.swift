import Foundation
import TestSupport
import Testing

/// Advice in messages works: the options exist, and the commands run.
@Suite struct AdviceTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  // MARK: The sources

  /// The commands that print the texts in a folder or file of the sources, by the longest matching
  /// path.
  private static let printers: [(place: String, commands: [String])] = [
    ("FileTrees/", ["pack", "verify", "diff", "manifest"]),
    // Each is printed only if the command has the option.
    ("FileTrees/Remedy.swift", ["pack"]),
    // Of what other commands leave alone, or of options that were given.
    ("FileTrees/Assembly/", ["pack"]),
    ("Extraction/", ["extract"]),
    ("Manifests/", ["verify", "diff", "manifest"]),
    ("SquashFS/Writer/", ["pack"]),
    ("Inputs/ImageOpener.swift", ["ls", "cat", "info", "extract", "manifest", "mount"]),
    ("Packing/", ["pack"]),
    ("Verification/", ["verify"]),
    ("Uploading/", ["upload"]),
    ("Uploading/Companion.swift", ["manifest"]),
    ("autosquash/Upload/", ["upload"]),
    ("MachineSetup/Setup/", ["setup"]),
    ("Automount/Configuration/", ["mount"]),
    ("autosquash/Mount/BucketMountOptions.swift", ["mount"]),
    ("MachineSetup/Checkups/", ["doctor"]),
    ("Overlay/", ["overlay link"]),
    ("autosquash/Pack/", ["pack"]),
    ("autosquash/Pack/ArchiveOptions.swift", ["pack", "verify", "diff", "manifest"]),
    ("autosquash/Pack/MetadataOptions.swift", ["pack", "verify", "manifest"]),
    ("autosquash/Pack/OwnershipOptions.swift", ["pack", "verify", "manifest"]),
    ("autosquash/Pack/SelectionOptions.swift", ["pack", "verify", "manifest"]),
    ("autosquash/Verify/", ["verify"]),
    ("autosquash/Compare/Diff", ["diff"]),
    ("autosquash/Compare/Manifest", ["manifest"]),
    ("autosquash/Extract/", ["extract"]),
    ("autosquash/Look/CostOptions.swift", ["info"]),
    ("autosquash/Look/Info.swift", ["info"]),
    ("autosquash/Trace/", ["trace"]),
    ("autosquash/Mount/Mount.swift", ["mount"]),
    ("autosquash/Mount/Unmount.swift", ["unmount"]),
    ("ImageMount/MountError.swift", ["mount"]),
    ("autosquash/Automount/Setup", ["setup"]),
    ("autosquash/Automount/Recover.swift", ["recover"]),
    ("autosquash/Autosquash.swift", ["verify"]),
    ("autosquash/Doctor/", ["doctor"]),
    ("autosquash/Overlay/", ["overlay link"]),
    (
      "autosquash/Support/ThreadCount.swift",
      ["pack", "verify", "diff", "manifest", "extract", "cat"]
    ),
    (
      "autosquash/Support/ImageArguments.swift",
      ["ls", "cat", "info", "extract", "manifest", "mount"]
    ),
    ("autosquash/Support/BucketOptions.swift", readers),
    ("ObjectStore/", readers),
    ("autosquash/Support/ManifestArgument.swift", ["verify"]),
    ("autosquash/Support/SourceArgument.swift", ["pack", "verify"]),
  ]

  /// The commands that read objects.
  private static let readers = [
    "ls", "cat", "info", "extract", "verify", "diff", "manifest", "pack", "images", "doctor",
    "mount", "upload",
  ]

  /// The commands that print this when a file is in the way of a result.
  private static let writers = ["pack", "manifest", "extract", "trace"]

  /// Other programs that are run, or named, with options of theirs.
  private static let strangers: Set<Substring> = [
    "systemctl", "iconv", "losetup", "timedatectl", "dpkg", "cpio", "aws",
  ]
  /// Those of automount, of cat(1), of programs that run containers, and of every command.
  private static let foreignOptions: Set<String> = [
    "--negative-timeout", "--null", "--device", "--help",
  ]

  /// The options of each command according to the program.
  private static func options() throws -> [String: Set<String>] {
    struct Dump: Decodable {
      var command: Command
    }
    struct Command: Decodable {
      var commandName: String
      var arguments: [Argument]?
      var subcommands: [Command]?
    }
    struct Argument: Decodable {
      struct Name: Decodable {
        var kind: String
        var name: String
      }
      var names: [Name]?
    }
    let dump = try Tool.autosquash("--experimental-dump-help")
    let program = try JSONDecoder().decode(Dump.self, from: Data(dump.output)).command
    var all: [String: Set<String>] = [:]
    func add(_ command: Command, below path: String) {
      let name = path + command.commandName
      let names = (command.arguments ?? []).flatMap { $0.names ?? [] }
      all[name] = Set(names.filter { $0.kind == "long" }.map { "--" + $0.name })
      for child in command.subcommands ?? [] { add(child, below: name + " ") }
    }
    for command in program.subcommands ?? [] { add(command, below: "") }
    return all
  }

  /// The options in a line of the sources that its command lacks.
  private static func mistakes(
    in line: Substring, of file: String, _ options: [String: Set<String>]
  ) -> (checked: Int, mistakes: [String]) {
    guard !line.drop(while: { $0 == " " }).hasPrefix("//") else { return (0, []) }
    var mistakes: [String] = []
    var checked = 0
    for match in line.matches(of: /--[a-z][a-z-]*/) {
      let option = String(match.output)
      if Self.foreignOptions.contains(option) { continue }
      // "systemctl start --quiet", "verify --manifest", "pack it again with --chmod".
      let before = line[..<match.range.lowerBound]
      if before.split(whereSeparator: { !$0.isLetter }).contains(where: strangers.contains) {
        continue
      }
      let word = before.firstMatch(
        of: /([a-z]+)(?: it again with)?(?: (?:--?[a-z-]*|[A-Z]+))* $/)
      let named = word.map { String($0.1) }.flatMap { options[$0] == nil ? nil : $0 }
      let usual = printers.filter { file.hasPrefix($0.place) }.max {
        $0.place.count < $1.place.count
      }?.commands
      let commands =
        named.map { [$0] } ?? (line.contains("exists already") ? writers : usual ?? [])
      if commands.isEmpty { mistakes.append("\(file): whose option is \(option)?") }
      for command in commands where options[command]?.contains(option) != true {
        mistakes.append("\(file): \(command) has no \(option)")
      }
      checked += 1
    }
    for match in line.matches(of: /autosquash ([a-z]+)/) where line.contains("\"") {
      checked += 1
      let isProse = ["needs", "reads"].contains(match.1)
      if !isProse && options[String(match.1)] == nil {
        mistakes.append("\(file): there is no command \(match.1)")
      }
    }
    return (checked, mistakes)
  }

  @Test func everyOptionNamedIsThere() throws {
    let options = try Self.options()
    let sources = Self.package.appendingPathComponent("Sources")
    var checked = 0
    for path in try #require(FileManager.default.enumerator(atPath: sources.path)) {
      guard let file = path as? String, file.hasSuffix(".swift") else { continue }
      // The list of other programs' options has its own tests.
      if file.hasSuffix("/Habits.swift") { continue }
      let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
      for line in text.split(separator: "\n") {
        let found = Self.mistakes(in: line, of: file, options)
        checked += found.checked
        for mistake in found.mistakes { Issue.record("\(mistake): \(line)") }
      }
    }
    #expect(checked > 80)
  }

  /// The check itself finds what it should.
  @Test(arguments: [
    ("autosquash/Compare/Diff.swift", "\"; --ignore-unreadable leaves it out\"", 1),
    ("autosquash/Compare/Diff.swift", "\"--ignore owner leaves it out\"", 0),
    ("FileTrees/Archive/Some.swift", "hint: \"fetch it again, or --allow-truncated\"", 3),
    ("Automount/Some.swift", "\"run 'autosquash verify --quik'\"", 1),
    ("Automount/Some.swift", "\"run 'autosquash verfy'\"", 1),
    ("Automount/Some.swift", "\"systemctl --now enable it\"", 0),
    ("Automount/Some.swift", "\"--quick is faster\"", 1),
  ])
  func wrongAdviceIsFound(file: String, line: String, count: Int) throws {
    let found = Self.mistakes(in: line[...], of: file, try Self.options()).mistakes
    #expect(found.count == count, "\(found)")
  }

  // MARK: What is printed

  /// Failing commands and their messages.
  private static let errors: [(command: String, line: String)] = [
    (
      "pack tree",
      "tree/secret: cannot open: Permission denied; leave such files out with --ignore-unreadable"
    ),
    ("diff tree i.squash", "tree/secret: cannot open: Permission denied"),
    ("manifest tree", "tree/secret: cannot open: Permission denied; leave it out with --exclude"),
    (
      "verify i.squash --against tree",
      "tree/secret: cannot open: Permission denied; leave it out with --exclude"
    ),
    (
      "pack cut.tar -o c.squash",
      "cut.tar: the archive is cut off: it has no end-of-archive block; fetch or make it again, "
        + "or take the part before that with --allow-truncated"
    ),
    (
      "diff cut.tar i.squash",
      "cut.tar: the archive is cut off: it has no end-of-archive block; fetch or make it again"
    ),
    (
      "verify i.squash --against cut.tar",
      "cut.tar: the archive is cut off: it has no end-of-archive block; fetch or make it again"
    ),
    (
      "manifest cut.tar",
      "cut.tar: the archive is cut off: it has no end-of-archive block; fetch or make it again"
    ),
    (
      "diff two.tar i.squash",
      "two.tar: a tar archive follows the end of this one: 10,240 bytes would be lost; "
        + "read it as well with --ignore-zeros"
    ),
    ("diff owner.tar i.squash", "f: its owner is not a valid number"),
    (
      "manifest owner.tar --ownership keep",
      "f: its owner is not a valid number; use another --ownership"
    ),
    (
      "diff /proc/sys/kernel/random i.squash",
      "/proc/sys/kernel/random/boot_id: has bytes though its size is 0: something writes to it, "
        + "or it is not a plain file, as in /proc"
    ),
    (
      "manifest /proc/sys/kernel/random",
      "/proc/sys/kernel/random/boot_id: has bytes though its size is 0: something writes to it, "
        + "or it is not a plain file, as in /proc; leave it out with --exclude"
    ),
  ]

  private func makeInputs() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir tree closed; echo a > tree/a; echo s > tree/secret; chmod 0 tree/secret
        touch closed/f; chmod 600 closed/f
        '\(Tool.autosquash)' pack tree -o i.squash -q
        tar -cf t.tar -C tree a; cat t.tar t.tar > two.tar; head -c 1024 t.tar > cut.tar
        python3 - <<'EOF'
        import tarfile
        with tarfile.open("owner.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            entry = tarfile.TarInfo("f")
            entry.uid = 0xffffffff
            tar.addfile(entry)
        EOF
        chmod 777 .
        """,
      ], in: folder.root)
    return folder
  }

  @Test func errorsAdviseWhatTheCommandHas() throws {
    let folder = try makeInputs()
    for (command, line) in Self.errors {
      let result = try Tool.run(
        ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", Tool.autosquash]
          + command.split(separator: " ").map(String.init), in: folder.root)
      #expect(
        result.errors == (line.isEmpty ? "" : "autosquash: \(line)\n"),
        "\(command): \(result.summary)"
      )
    }
  }

  /// A comparison makes nothing that others might be unable to read.
  @Test func comparingOpensNothingToAll() throws {
    let folder = try makeInputs()
    try Tool.check([Tool.autosquash, "pack", "closed", "-q"], in: folder.root)
    for command in [
      ["diff", "closed", "closed"], ["verify", "closed.squash", "--against", "closed", "-q"],
    ] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.summary)")
    }
    let listed = try Tool.autosquash("manifest", "closed", in: folder.root)
    #expect(
      listed.errors
        == "autosquash: closed: warning: only root can read or enter f (mode 0600); "
        + "--chmod a+rX opens it to all\n")
  }

  /// A recommended command can be pasted.
  @Test func advisedCommandsRun() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir d; head -c 300000 /dev/urandom > d/f; head -c 300000 /dev/urandom > d/g
        '\(Tool.autosquash)' pack d -o "it's.squash" -q; python3 - <<'EOF'
        with open("it's.squash", "r+b") as image:
            image.seek(48)
            image.seek(int.from_bytes(image.read(8), "little"))
            image.write(b"\\xff" * 7)
        EOF
        """,
      ], in: folder.root)
    let path = ["PATH": (Tool.autosquash as NSString).deletingLastPathComponent + ":/usr/bin:/bin"]
    let result = try Tool.autosquash("ls", "it's.squash", in: folder.root)
    let found = try #require(
      result.errors.firstMatch(of: /; "(autosquash extract .*)" saves the readable part/),
      "\(result.summary)")
    _ = try Tool.run(["bash", "-c", String(found.1)], in: folder.root, environment: path)
    #expect(folder.exists("it's/f") || folder.exists("it's/f.damaged"))
  }
}
