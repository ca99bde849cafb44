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
    abstract: "Write the lists of names that show in the mount root, and reload autofs.",
    discussion: """
      Lists only images that would mount, and names the others on standard error. New images work \
      even before they are listed. If the bucket cannot be read, the lists are empty, so that a \
      lookup fails clearly instead of waiting forever. \
      A timer runs this every minute.
      """)

  @Flag(help: "First mount the bucket again if the program that served it has ended.")
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
