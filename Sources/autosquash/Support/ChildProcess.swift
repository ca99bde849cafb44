import Glibc
import Posix

/// Other programs that are run, found in PATH.
enum ChildProcess {
  /// How a program ended.
  struct Result {
    /// The exit status; 128 and more for a signal.
    var status: Int32
    /// What it printed on standard output.
    var output: [UInt8]
  }

  /// Runs a program with nothing to read, and waits for it; its standard error is this program's.
  ///
  /// - Throws: `SystemError` when it cannot be started.
  static func run(_ command: [String]) throws(SystemError) -> Result {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("make a pipe") }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    let code = posix_spawnp(&process, arguments[0]!, &actions, nil, &arguments, environ)
    close(ends[1])
    guard code == 0 else {
      throw SystemError("run \(command[0])", code: code)
    }
    var output: [UInt8] = []
    while true {
      let before = output.count
      output += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
        count = max(0, retryingInterrupts { read(ends[0], buffer.baseAddress!, buffer.count) })
      }
      if output.count == before { break }
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return Result(
      status: status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f), output: output)
  }
}
