import ArgumentParser
import Terminal

/// A command that fails in one place: what it throws becomes a message and an exit status.
protocol Subcommand: ParsableCommand {
  /// Does the work.
  ///
  /// - Returns: the exit status.
  func execute() throws -> Int32

  /// Prints an error.
  ///
  /// - Returns: the exit status for it.
  func fail(_ error: any Error) -> Int32
}

extension Subcommand {
  func run() throws {
    let status: Int32
    do { status = try execute() } catch { status = fail(error) }
    if status != 0 { throw ExitCode(status) }
  }

  func fail(_ error: any Error) -> Int32 {
    Messages.write(error)
    return ExitStatus.of(error)
  }
}

/// A command about one file, which errors are about that name no other.
protocol FileSubcommand: Subcommand {
  /// The file's name; empty where none is meant.
  var subject: [UInt8] { get }
}

extension FileSubcommand {
  func fail(_ error: any Error) -> Int32 { Messages.fail(subject, error) }
}
