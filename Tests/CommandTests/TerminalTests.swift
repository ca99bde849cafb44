import Glibc
import TestSupport
import Testing

/// What a user at a terminal sees, and what stops a program there.
@Suite struct TerminalTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        "mkdir tree out; echo x >tree/x; echo y >tree/y; tar -cf x.tar tree; mkfifo pipe; "
          + "'\(Tool.autosquash)' pack tree -q",
      ], in: folder.root)
  }

  /// Runs a shell command on its own terminal.
  private func onTerminal(_ command: String) throws -> (status: Int32, text: String) {
    let result = try Tool.run(
      ["script", "-qec", "stty -onlcr; \(command)", "/dev/null"], in: folder.root)
    return (result.status, result.text)
  }

  @Test func namesStandInColumnsUnlessAskedOtherwise() throws {
    #expect(try onTerminal("'\(Tool.autosquash)' ls tree.squash").text == "x  y\n")
    #expect(try onTerminal("'\(Tool.autosquash)' ls -1 tree.squash").text == "x\ny\n")
    #expect(try onTerminal("'\(Tool.autosquash)' ls -r tree.squash").text == "y  x\n")
  }

  /// It would wait forever for an archive that nobody types.
  @Test(arguments: ["pack - -o new.squash", "verify tree.squash --against - --progress never"])
  func noArchiveIsTyped(command: String) throws {
    let result = try onTerminal("timeout 60 '\(Tool.autosquash)' \(command)")
    #expect(result.status == 2)
    #expect(
      result.text == "autosquash: standard input: a terminal, not an archive; give an archive with "
        + "<FILE, or through a pipe\n")
    #expect(!folder.exists("new.squash"))
  }

  @Test func noArchiveIsShown() throws {
    let result = try onTerminal("'\(Tool.autosquash)' extract tree.squash --to-tar -")
    #expect(
      result.status == 1
        && result.text == "autosquash: standard output: a terminal cannot take an archive; "
          + "redirect it, or name a file\n",
      "\(result.text)")
  }

  /// - Returns: the output of a command stopped while it reads a pipe.
  private func interrupted(_ command: String, by signal: Int32) throws -> Tool.Result {
    let running = try Running(
      ["sh", "-ec", "exec '\(Tool.autosquash)' \(command)"].map { Array($0.utf8) }, in: folder.root)
    // Opening waits for a reader.
    let pipe = open(folder.path("pipe"), O_WRONLY | O_CLOEXEC)
    defer { close(pipe) }
    let bytes = try folder.read("x.tar").prefix(1024)
    #expect(bytes.withUnsafeBytes { write(pipe, $0.baseAddress!, $0.count) } == 1024)
    kill(running.process, signal)
    return running.wait()
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func anInterruptionSaysThatNothingWasWritten(signal: Int32) throws {
    let result = try interrupted("pack pipe -o out/x.squash --manifest", by: signal)
    #expect(result.status == 128 + signal)
    #expect(result.errors == "autosquash: out/x.squash: interrupted; nothing was written\n")
    let left = try Tool.check(["ls", "-A", "out"], in: folder.root)
    #expect(left.text.isEmpty)
  }

  @Test func theLineOfProgressEnds() throws {
    let result = try interrupted("pack pipe -o - --progress always >out/x", by: SIGINT)
    #expect(result.status == 128 + SIGINT)
    #expect(
      result.errors.hasSuffix("\r\u{1B}[Kautosquash: interrupted; nothing was written\n"),
      "\(result.summary)")
    #expect(try folder.read("out/x").isEmpty)
  }

  /// A caller that ignores it, like nohup(1), lets it continue.
  @Test func ignoredSignalsStayIgnored() throws {
    let running = try Running(
      ["sh", "-c", "trap '' HUP; exec '\(Tool.autosquash)' pack pipe -o out/x.squash -q"]
        .map { Array($0.utf8) }, in: folder.root)
    let pipe = open(folder.path("pipe"), O_WRONLY | O_CLOEXEC)
    let bytes = try folder.read("x.tar")
    kill(running.process, SIGHUP)
    #expect(bytes.withUnsafeBytes { write(pipe, $0.baseAddress!, $0.count) } == bytes.count)
    close(pipe)
    let result = running.wait()
    #expect(result.status == 0 && folder.exists("out/x.squash"), "\(result.summary)")
  }
}
