import Foundation
import Glibc
import Posix

/// A program that a test runs.
public struct Tool {
  /// How a program ended and what it printed.
  public struct Result: Sendable {
    /// The exit status, or 128 plus the signal's number.
    public var status: Int32
    public var output: [UInt8]
    public var errors: String

    public var text: String { String(decoding: output, as: UTF8.self) }
    /// The complete output, for a failing test's message.
    public var summary: String { "status \(status)\n\(text)\n\(errors)" }
  }

  /// The program under test, built next to the tests.
  public static let autosquash: String = built("autosquash")

  /// The program map, built likewise.
  public static let autosquashMap: String = built("autosquash-map")

  private static func built(_ name: String) -> String {
    let tests = try! FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return (tests as NSString).deletingLastPathComponent + "/" + name
  }

  /// Runs `autosquash` with these arguments.
  @discardableResult
  public static func autosquash(
    _ arguments: String..., in folder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) throws -> Result {
    try run([autosquash] + arguments, in: folder, input: input, environment: environment)
  }

  /// Runs a program found in PATH, and waits for it.
  @discardableResult
  public static func run(
    _ command: [String], in folder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) throws -> Result {
    try run(
      bytes: command.map { Array($0.utf8) }, in: folder, input: input, environment: environment)
  }

  /// Runs a program whose arguments need not be UTF-8.
  public static func run(
    bytes command: [[UInt8]], in folder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) throws -> Result {
    let running = try Running(command, in: folder, input: input, environment: environment)
    return running.wait()
  }

  /// Runs a program that must succeed; otherwise the test fails at the call.
  @discardableResult
  public static func check(
    _ command: [String], in folder: String? = nil, input: [UInt8] = []
  ) throws -> Result {
    let result = try run(command, in: folder, input: input)
    guard result.status == 0 else { throw ToolFailure(command: command, result: result) }
    return result
  }

  /// The resources that a program used.
  public struct Needs: Sendable {
    /// The most memory at once, in bytes; 0 under a sanitizer, which needs more than the program.
    public var memory: Int
  }

  /// Seconds until a program counts as hanging. No test may depend on the machine's speed, so this
  /// is ten times what the slowest took, without optimization and next to other tests.
  public static let hangLimit = 600

  /// Runs a program and measures what it uses. One that hangs ends with the status 124.
  ///
  /// The system's figures for a child include the memory of the process that started it, here the
  /// test runner with the data of all other tests; so time(1) stands in between.
  public static func measure(
    _ command: [String], in folder: String? = nil
  ) throws -> (result: Result, needs: Needs) {
    let figures = try TemporaryFolder()
    let result = try run(
      ["time", "-q", "-f", "%M", "-o", figures.path("figures"), "timeout", "\(hangLimit)"]
        + command,
      in: folder)
    let text = String(decoding: try figures.read("figures"), as: UTF8.self)
    guard let kibibytes = Int(text.filter(\.isNumber)) else {
      throw ToolFailure(command: command, result: result)
    }
    return (result, Needs(memory: isSanitized ? 0 : kibibytes << 10))
  }

  /// Whether the programs are built with sanitizers, which take time and memory.
  public static var isSanitized: Bool { ProcessInfo.processInfo.environment["SANITIZED"] != nil }

  /// Whether a program is installed.
  public static func exists(_ name: String) -> Bool {
    ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/"].contains {
      access($0 + name, X_OK) == 0
    }
  }
}

/// A program that should have succeeded.
public struct ToolFailure: Error, CustomStringConvertible {
  var command: [String]
  var result: Tool.Result
  public var description: String { "\(command.joined(separator: " ")): \(result.summary)" }
}

/// A running program.
public final class Running {
  public let process: pid_t
  private let folder: TemporaryFolder

  public init(
    _ command: [[UInt8]], in workingFolder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) throws {
    folder = try TemporaryFolder()
    try folder.write("in", input)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, folder.path("in"), O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder.path("out"), O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, folder.path("err"), O_WRONLY | O_CREAT, 0o600)
    // A descriptor of another test would keep its files and mounts in use.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    if let workingFolder { posix_spawn_file_actions_addchdir_np(&actions, workingFolder) }
    var variables = ProcessInfo.processInfo.environment
    variables["SWIFT_BACKTRACE"] = "enable=no"
    variables.merge(environment) { $1 }
    var arguments = command.map { $0.withCPath { strdup($0) } } + [nil]
    var settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer {
      for pointer in arguments + settings { free(pointer) }
    }
    // The test runner blocks signals in its threads; a program started by a user has none blocked.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    var process = pid_t()
    let status = posix_spawnp(
      &process, arguments[0]!, &actions, &attributes, &arguments, &settings)
    guard status == 0 else {
      throw SystemError("run \(String(cString: arguments[0]!))", code: status)
    }
    self.process = process
  }

  /// Waits for the program to end.
  public func wait() -> Tool.Result {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
    return Tool.Result(
      status: code, output: (try? folder.read("out")) ?? [],
      errors: String(decoding: (try? folder.read("err")) ?? [], as: UTF8.self))
  }
}
