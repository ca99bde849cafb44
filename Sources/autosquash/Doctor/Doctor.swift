import ArgumentParser
import Automount
import Glibc
import Posix

/// `autosquash doctor`: what is missing on this machine, and the command that helps.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this machine lacks to mount the images, and how to mend it.",
    discussion: """
      Looks at the settings, the kernel, the automounter, the bucket and every image in it, and \
      then really mounts the smallest image through the automounter and reads a file. The exit \
      status is 1 when something fails.
      """)

  @Flag(help: "Print JSON, an object a line.") var json = false

  func run() throws {
    var hasFailed = false
    var output = StandardOutput()
    var failure: (any Error)?
    Checkups.run { checkup in
      if checkup.status == .fail { hasFailed = true }
      // At once: what comes next may take its time.
      do {
        try output.write((json ? checkup.json.text : checkup.text) + "\n")
        try output.flush()
      } catch { failure = error }
    }
    if let failure { throw failure }
    if hasFailed { throw ExitCode(ExitStatus.failed) }
  }
}

/// What was found out about one thing.
struct Checkup {
  var status: Status
  /// The thing, a word or two.
  var topic: String
  /// What holds, in a sentence.
  var finding: String
  /// What to do, a command where there is one.
  var remedy: String?

  enum Status: String {
    case ok
    case warn
    case fail
  }

  static func ok(_ topic: String, _ finding: String) -> Checkup {
    Checkup(status: .ok, topic: topic, finding: finding)
  }

  static func warn(_ topic: String, _ finding: String, _ remedy: String) -> Checkup {
    Checkup(status: .warn, topic: topic, finding: finding, remedy: remedy)
  }

  static func fail(_ topic: String, _ finding: String, _ remedy: String) -> Checkup {
    Checkup(status: .fail, topic: topic, finding: finding, remedy: remedy)
  }

  /// One line, and one with the remedy.
  var text: String {
    let label = status.rawValue + String(repeating: " ", count: 5 - status.rawValue.count)
    return "\(label) \(topic): \(finding)" + (remedy.map { "\n      -> \($0)" } ?? "")
  }

  var json: JSON {
    .object([
      ("status", .string(status.rawValue)), ("topic", .string(topic)),
      ("finding", .string(finding)), ("remedy", .string(remedy ?? "")),
    ])
  }
}
