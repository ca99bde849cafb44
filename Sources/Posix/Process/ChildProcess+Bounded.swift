import Glibc

extension ChildProcess {
  /// Runs a program found in PATH for a short output; it shares this program's standard error.
  ///
  /// - Parameters:
  ///   - outputLimit: the most bytes it may print.
  ///   - seconds: how long it may run.
  /// - Throws: `SystemError` if it cannot be started, and `EFBIG` or `ETIMEDOUT` if it goes over a
  ///   limit, which ends it.
  public static func run(
    _ command: [[UInt8]], outputLimit: Int, seconds: Double
  ) throws(SystemError) -> Result {
    let end = Process.now + seconds
    let (process, pipe) = try start(command)
    defer { close(pipe) }
    do throws(SystemError) {
      let output = try read(from: pipe, limit: outputLimit, until: end, command[0])
      return Result(status: try wait(for: process, until: end, command[0]), output: output)
    } catch {
      kill(process, SIGKILL)
      _ = wait(for: process)
      throw error
    }
  }

  private static func read(
    from pipe: Int32, limit: Int, until end: Double, _ name: [UInt8]
  ) throws(SystemError) -> [UInt8] {
    var output: [UInt8] = []
    while true {
      let rest = end - Process.now
      guard rest > 0 else { throw SystemError("wait for", path: name, code: ETIMEDOUT) }
      var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, Int32(min(rest, 3600) * 1000) + 1) > 0 else { continue }
      let more = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        count = max(
          0, retryingInterrupts { Glibc.read(pipe, buffer.baseAddress!, buffer.count) })
      }
      if more.isEmpty { return output }
      output += more
      guard output.count <= limit else {
        throw SystemError("read the output of", path: name, code: EFBIG)
      }
    }
  }

  /// Waits for a program that has closed its output.
  private static func wait(
    for process: pid_t, until end: Double, _ name: [UInt8]
  ) throws(SystemError) -> Int32 {
    // WNOWAIT leaves the status for the one who reads it.
    var information = siginfo_t()
    while true {
      information.si_signo = 0
      let found = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
      if found == 0 && information.si_signo != 0 { return wait(for: process) }
      guard found == 0 || errno == EINTR else { return wait(for: process) }
      guard Process.now < end else {
        throw SystemError("wait for", path: name, code: ETIMEDOUT)
      }
      usleep(5_000)
    }
  }
}
