import ArgumentParser
import FileTrees
import Glibc
import Posix
import Synchronization
import Terminal

/// `autosquash trace`: lists what a program reads, for `pack --order`.
struct Trace: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Run a command and list the files that it opens, for pack --order.",
    discussion: """
      Runs COMMAND, found as in a shell, and lists the files in DIRECTORY that are \
      opened meanwhile, in the order of their first opening. DIRECTORY is a mounted \
      image, or the tree that will be packed. Packed with such a list, an image serves that \
      program with fewer requests to the bucket.

      Files that other programs open in DIRECTORY at the same time are in the list too. Join lists \
      with cat(1), if all or none were made with --null: the first mention of a file \
      counts.
      """)

  @Argument(
    help: "The tree whose files are listed. (default: the current directory)",
    completion: .directory)
  var directory: ByteArgument?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The list to write; - is standard output.", valueName: "file"))
  var output: ByteArgument

  @Flag(name: [.short, .long], help: "Replace an existing list.")
  var force = false

  @Flag(
    name: [.customShort("0"), .long],
    help: "End each path with NUL; always done if a name has a newline.")
  var null = false

  @Flag(name: [.short, .long], help: "Print errors only.")
  var quiet = false

  @Argument(parsing: .postTerminator, help: "The program to run, and its arguments, after --.")
  var command: [ByteArgument] = []

  func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("Name the program to run: autosquash trace -o FILE -- COMMAND …")
    }
  }

  var subject: [UInt8] { directory?.bytes ?? [UInt8(ascii: ".")] }

  func fail(_ error: any Error) -> Int32 {
    let status = Messages.fail(subject, error)
    // As in shells.
    if let error = error as? SystemError, error.path == command[0].bytes {
      return error.code == ENOENT ? 127 : 126
    }
    return status
  }

  /// - Returns: the exit status of the command.
  func execute() throws -> Int32 {
    var result = try ResultFile(output.bytes, replacing: force)
    let trace = try AccessTrace(directory: subject)
    let status = try runCommand(noting: trace)
    // A newline in a name would split it.
    let hasNewlines = trace.paths.contains { $0.contains(UInt8(ascii: "\n")) }
    let terminator: UInt8 = null || hasNewlines ? 0 : UInt8(ascii: "\n")
    for path in trace.paths { try result.write(path + [terminator]) }
    try result.finish()
    let messages = Messages(isQuiet: quiet)
    if status != 0 {
      messages.warn(command[0].bytes, "ended with status \(status); its list may not be complete")
    }
    if trace.paths.isEmpty {
      messages.warn(subject, "no file in it was opened")
    } else {
      messages.note(
        output.bytes, "\(trace.paths.count.grouped) of \(trace.fileCount.grouped) files")
    }
    return status
  }

  /// Runs the command and records what it opens.
  private func runCommand(noting trace: AccessTrace) throws -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("make a pipe") }
    let (end, ended) = (ends[0], ends[1])
    defer { close(end) }
    // Interrupts go to the command; then we write its list.
    let process = try ChildProcess.startInItsPlace(command.map(\.bytes))
    let status = ExitState()
    let waiter = try WorkerThread {
      status.value.store(ChildProcess.wait(for: process), ordering: .releasing)
      close(ended)
    }
    let collected = Result { try trace.collect(until: end) }
    waiter.join()
    try collected.get()
    return status.value.load(ordering: .acquiring)
  }
}

/// Written by the waiting thread, before it closes the pipe on which the other waits.
private final class ExitState: Sendable {
  let value = Atomic<Int32>(0)
}
