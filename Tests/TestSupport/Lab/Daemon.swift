import Foundation
import Glibc
import Posix
import Synchronization

/// A program that runs next to a test, with its own log, and ends with this value.
public final class Daemon: Sendable {
  public let process: pid_t
  private let log: String
  private let hasEnded = Mutex(false)

  /// - Parameters:
  ///   - command: starts with the program's path.
  ///   - log: the file for its output.
  public init(
    _ command: [String], log: String, in folder: String? = nil, environment: [String: String] = [:]
  ) throws {
    self.log = log
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // A descriptor of the test runner for something in an image would keep it mounted.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    if let folder { posix_spawn_file_actions_addchdir_np(&actions, folder) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // A session of its own: an automounter does not serve processes in its own group.
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSID))
    var variables = ProcessInfo.processInfo.environment
    variables["SWIFT_BACKTRACE"] = "enable=no"
    variables.merge(environment) { $1 }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + settings { free(pointer) } }
    var process = pid_t()
    let status = posix_spawnp(&process, command[0], &actions, &attributes, &arguments, &settings)
    guard status == 0 else { throw SystemError("run \(command[0])", code: status) }
    self.process = process
  }

  deinit { end(with: SIGTERM) }

  /// Its output.
  public var text: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

  /// Sends a signal and waits for the end; kills the program if that takes too long.
  public func end(with signal: Int32) {
    hasEnded.withLock { hasEnded in
      if hasEnded { return }
      hasEnded = true
      kill(process, signal)
      // An automounter unmounts some ten images a second before it ends.
      for _ in 0..<2400 {
        if waitpid(process, nil, WNOHANG) != 0 { return }
        usleep(50_000)
      }
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
  }

  /// Whether it has not ended by itself.
  public var isRunning: Bool {
    hasEnded.withLock { hasEnded in
      if !hasEnded && waitpid(process, nil, WNOHANG) != 0 { hasEnded = true }
      return !hasEnded
    }
  }

  public func send(_ signal: Int32) { kill(process, signal) }
}

/// Waits until a condition holds, up to a limit: machines may be slow.
///
/// - Returns: whether the condition held.
public func eventually(seconds: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
  let end = ContinuousClock.now + .seconds(seconds)
  while true {
    if try condition() { return true }
    if ContinuousClock.now > end { return false }
    usleep(50_000)
  }
}
