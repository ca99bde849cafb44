import ArgumentParser
import Automount
import Glibc
import MachineSetup
import Posix
import Terminal

/// `autosquash refresh`: makes listings of the mount root show the names of the images.
struct Refresh: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh",
    abstract: "Write the lists of names that show in the mount root, and tell the automounter.",
    discussion: """
      Only images that would mount are listed; others are named on standard error. Images that \
      came since the last time work before they are listed. When the bucket cannot be read, the \
      lists name nothing, so that a name that is asked for gets a clear failure and no endless \
      wait. A timer runs this every minute.
      """)

  @Flag(help: "First mount the bucket again where the program that served it has ended.")
  var recover = false
  @Flag(name: .shortAndLong, help: "Print errors only.") var quiet = false

  func execute() throws -> Int32 {
    let messages = Messages(isQuiet: quiet)
    if recover {
      try Recovery(configuration: .load(), note: { messages.note([], $0) }, warn: messages.warn)
        .recoverDead()
    }
    let told = try ListRefresh.run(warn: messages.warn)
    if !quiet {
      var output = StandardOutput()
      try output.write(told + "\n")
      try output.flush()
    }
    return 0
  }
}
