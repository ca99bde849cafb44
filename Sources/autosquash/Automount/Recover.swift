import ArgumentParser
import Automount
import Glibc
import MachineSetup
import Posix
import Terminal

/// `autosquash recover`: remounts the bucket if its mount is dead, hangs or is missing.
struct Recover: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Mount the bucket again if its mount is dead, hangs or is missing.",
    discussion: """
      Processes that wait for the old mount get an error, and the bucket is mounted as \
      /etc/fstab or a systemd unit says. Images that fail since the old mount died \
      are unmounted, so that the next use mounts them again; processes inside them must leave. A \
      bucket that answers is left alone.

      With --release nothing is mounted: the automounter's unit runs this when it stops, as \
      on shutdown, so that a hanging bucket does not block the machine.
      """)

  @Flag(help: "Only free processes that wait for a bucket that does not answer.") var release =
    false
  @Flag(name: .shortAndLong, help: "Print errors only.") var quiet = false

  func execute() throws -> Int32 {
    guard geteuid() == 0 else { throw SetupError(path: "", text: "recover needs root") }
    // Before setup, assume the bucket is where setup would put it.
    let isSetUp = Configuration.path.withCPath { access($0, F_OK) } == 0
    let messages = Messages(isQuiet: quiet)
    let recovery = Recovery(
      configuration: isSetUp ? try Configuration.load() : Configuration(), listsImages: isSetUp,
      note: { messages.note([], $0) }, warn: messages.warn)
    if release { try recovery.release() } else { try recovery.run() }
    return 0
  }

  func fail(_ error: any Error) -> Int32 {
    Messages.write(error)
    return ExitStatus.failed
  }
}
