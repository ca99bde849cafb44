import ArgumentParser
import Glibc
import Inputs
import Posix
import Terminal

@main
struct Autosquash: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autosquash",
    abstract: "Pack data into SquashFS images, look into them, and mount them from a bucket.",
    version: "0.2.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Image",
        subcommands: [
          Pack.self, Upload.self, Verify.self, List.self, Cat.self, Info.self, Extract.self,
          Diff.self,
          Manifest.self, Trace.self, Mount.self, Unmount.self,
        ]),
      CommandGroup(
        name: "Machine",
        subcommands: [
          Setup.self, Doctor.self, Images.self, Refresh.self, Recover.self, MapCommand.self,
          OverlayCommand.self,
        ]),
    ])

  static func main() {
    StandardStreams.fill()
    Process.raiseFileLimit()
    // A file that outgrows its limit is an error like any other, with a message.
    signal(SIGXFSZ, SIG_IGN)
    if isatty(STDERR_FILENO) == 1 {
      RemoteObjects.whenWaiting { host, seconds in
        Messages.write("no answer from \(host) yet; trying on until \(seconds) s have passed")
      }
    }
    if let query = PlainCommand.query(Array(ProcessArguments.all.dropFirst())) {
      let status = PlainCommand.run(query)
      if status == 0 { flushOutput() }
      Glibc.exit(status)
    }
    let typed = RawArguments.encoded()
    var arguments = typed
    let commands = configuration.groupedSubcommands.flatMap(\.subcommands)
    let name = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
    if let complaint = UnknownCommand.complaint(about: name, commands: commands) {
      Messages.write(complaint)
      Glibc.exit(EX_USAGE)
    }
    switch arguments.first {
    case Pack.configuration.commandName: arguments = SourceArgument.marked(arguments)
    case Verify.configuration.commandName:
      arguments = SourceArgument.marked(
        ManifestArgument.marked(arguments), option: "--against")
    default: break
    }
    var command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      let isAnswer =
        exitCode(for: error).isSuccess && typed.contains(where: UnknownOptions.isRequest)
      let complaints =
        isAnswer ? [] : UnknownOptions.complaints(about: typed, root: Autosquash.self)
      guard complaints.isEmpty else {
        for complaint in complaints { Messages.write(complaint) }
        Glibc.exit(EX_USAGE)
      }
      leave(with: error)
    }
    do {
      try command.run()
      flushOutput()
    } catch {
      leave(with: error)
    }
  }

  /// Standard output may be a file on a network file system, which writes it only now.
  private static func flushOutput() {
    if flush(STDOUT_FILENO) != 0, errno != EBADF {
      Messages.write(SystemError("write to standard output"))
      Glibc.exit(ExitStatus.failed)
    }
  }

  /// Exits as the argument parser does, but prints escaped what it repeats of the arguments.
  private static func leave(with error: any Error) -> Never {
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    if code.isSuccess {
      if !text.isEmpty { print(text) }
    } else if !text.isEmpty {
      let prefix = "Error: "
      let shown = text.hasPrefix(prefix) ? "autosquash: " + text.dropFirst(prefix.count) : text
      StandardError.write(RawArguments.printable(shown) + "\n")
    }
    Glibc.exit(code.rawValue)
  }
}
