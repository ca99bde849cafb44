import ArgumentParser
import Terminal

/// A command with a single place for failures: a thrown error becomes a message and an exit status.
protocol Subcommand: ParsableCommand {
  /// Does the work.
  ///
  /// - Returns: the exit status.
  func execute() throws -> Int32

  /// Prints an error.
  ///
  /// - Returns: the exit status.
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

/// A command about one file, to which errors refer if they name no other.
protocol FileSubcommand: Subcommand {
  /// The file's name; empty if there is none.
  var subject: [UInt8] { get }
}

extension FileSubcommand {
  func fail(_ error: any Error) -> Int32 { Messages.fail(subject, error) }
}
