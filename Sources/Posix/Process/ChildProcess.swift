import Glibc
import Synchronization

/// Runs other programs, found in PATH.
public enum ChildProcess {
  /// How a program ended.
  public struct Result {
    /// The exit status; 128 plus the signal's number for a signal.
    public var status: Int32
    /// The bytes it printed on standard output.
    public var output: [UInt8]
  }

  /// Runs a program with empty input and waits for it; it shares this program's standard error.
  ///
  /// - Throws: `SystemError` if it cannot be started.
  public static func run(_ command: [String]) throws(SystemError) -> Result {
    try run(command.map { Array($0.utf8) })
  }

  /// Runs a command given as bytes.
  public static func run(_ command: [[UInt8]]) throws(SystemError) -> Result {
    let (process, end) = try start(command)
    defer { close(end) }
    var output: [UInt8] = []
    while true {
      let before = output.count
      output += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
        count = max(0, retryingInterrupts { read(end, buffer.baseAddress!, buffer.count) })
      }
      if output.count == before { break }
    }
    return Result(status: wait(for: process), output: output)
  }

  /// Starts a program with empty input.
  ///
  /// - Returns: its process, and the end of a pipe with its output, which the caller closes.
  static func start(
    _ command: [[UInt8]]
  ) throws(SystemError) -> (process: pid_t, output: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("make a pipe") }
    defer { close(ends[1]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    do throws(SystemError) {
      return (try spawn(command, &actions, nil), ends[0])
    } catch {
      close(ends[0])
      throw error
    }
  }

  /// Starts a program that shares this one's standard input, output and error. From then on this
  /// one ignores signals from the terminal's keys, which reach both, and passes on all other fatal
  /// signals, so that it outlives the other program.
  ///
  /// - Throws: `SystemError` if it cannot be started.
  public static func startInItsPlace(_ command: [[UInt8]]) throws(SystemError) -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var restored = sigset_t()
    sigemptyset(&restored)
    // A signal ignored already, as under nohup, stays ignored.
    let ignored = unsafeBitCast(SIG_IGN, to: Int.self)
    for number in [SIGINT, SIGQUIT]
    where unsafeBitCast(signal(number, SIG_IGN), to: Int.self) != ignored {
      sigaddset(&restored, number)
    }
    posix_spawnattr_setsigdefault(&attributes, &restored)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    let process = try spawn(command, nil, &attributes)
    successor.store(process, ordering: .relaxed)
    for number in [SIGTERM, SIGHUP] {
      let before = signal(number) { kill(ChildProcess.successor.load(ordering: .relaxed), $0) }
      if unsafeBitCast(before, to: Int.self) == ignored { signal(number, SIG_IGN) }
    }
    return process
  }

  /// The process that receives the signals passed on.
  private static let successor = Atomic<pid_t>(0)

  /// Waits for a program to end.
  ///
  /// - Returns: its exit status; 128 plus the signal's number for a signal.
  public static func wait(for process: Int32) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
  }

  private static func spawn(
    _ command: [[UInt8]], _ actions: UnsafePointer<posix_spawn_file_actions_t>?,
    _ attributes: UnsafePointer<posix_spawnattr_t>?
  ) throws(SystemError) -> pid_t {
    var arguments: [UnsafeMutablePointer<CChar>?] =
      command.map { $0.withCPath { strdup($0) } } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    let code = posix_spawnp(&process, arguments[0]!, actions, attributes, &arguments, environ)
    guard code == 0 else { throw SystemError("run", path: command[0], code: code) }
    return process
  }
}
