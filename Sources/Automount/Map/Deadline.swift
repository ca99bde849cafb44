internal import CLinux
internal import Glibc
public import Posix

/// Work that is given up after a time, whatever it waits for.
///
/// Who waits for a file system of FUSE that does not answer cannot be interrupted, not even killed;
/// only another process can be left behind.
public enum Deadline {
  /// Runs `work` in another process and waits for its answer.
  ///
  /// The process of this call must have one thread only.
  ///
  /// - Parameters:
  ///   - seconds: how long to wait, from the start or the latest sign of progress.
  ///   - onProgress: called in this process with the number of signs so far.
  ///   - work: gives the answer; `afterwards` of it runs when the answer is on its way, in the
  ///     process that nobody waits for. What it is called with may be called from any thread, as a
  ///     sign of progress.
  /// - Returns: the answer, `nil` when there was none in time.
  /// - Throws: `SystemError` when there is no second process, or it ended without an answer.
  public static func run(
    seconds: Int, onProgress: (Int) -> Void = { _ in },
    _ work: (_ progress: @escaping @Sendable () -> Void) -> (
      answer: [UInt8], afterwards: () -> Void
    )
  ) throws(SystemError) -> [UInt8]? {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("make a pipe") }
    let child = clinux_fork()
    guard child >= 0 else {
      let error = SystemError("start a process")
      close(ends[0])
      close(ends[1])
      throw error
    }
    if child == 0 {
      let end = ends[1]
      detach(keeping: end)
      let (answer, afterwards) = work { write([progressSign], to: end) }
      write(framed(answer), to: end)
      close(ends[1])
      afterwards()
      _exit(0)
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard let received = read(from: ends[0], seconds: seconds, onProgress) else {
      kill(child, SIGKILL)
      return nil
    }
    guard let answer = unframed(received) else {
      throw SystemError("get a whole answer from the second process", code: EPIPE)
    }
    return answer
  }

  // MARK: What goes through the pipe

  private static let progressSign = UInt8(ascii: ".")
  private static let answerSign = UInt8(ascii: "=")

  /// An answer as it is written: its length tells the reader whether the writer was killed amid it,
  /// as half a listing would look like files that were removed.
  static func framed(_ answer: [UInt8]) -> [UInt8] {
    [answerSign] + withUnsafeBytes(of: UInt64(answer.count).littleEndian, Array.init) + answer
  }

  /// The answer in what was read, behind signs of progress; `nil` where it is not whole.
  static func unframed(_ received: [UInt8]) -> [UInt8]? {
    guard let sign = received.firstIndex(of: answerSign) else { return nil }
    let start = sign + 1 + MemoryLayout<UInt64>.size
    guard received.count >= start else { return nil }
    let length = received[(sign + 1)..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length == UInt64(received.count - start) else { return nil }
    return Array(received[start...])
  }

  /// Lets go of everything that somebody may wait for: autofs reads the map's output until it is
  /// closed, and stops its process group; locks last as long as anybody has them open.
  private static func detach(keeping descriptor: Int32) {
    // Before Linux 5.9, and so without this, others may wait as long as this process does.
    if descriptor > 3 { close_range(3, UInt32(descriptor - 1), 0) }
    close_range(UInt32(descriptor + 1), .max, 0)
    setsid()
    _ = chdir("/")
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { _exit(1) }
    for descriptor: Int32 in 0...2 { dup2(null, descriptor) }
    close(null)
  }

  private static func write(_ answer: [UInt8], to descriptor: Int32) {
    var rest = answer[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { bytes in
        retryingInterrupts { Glibc.write(descriptor, bytes.baseAddress!, bytes.count) }
      }
      guard count > 0 else { _exit(1) }
      rest = rest.dropFirst(count)
    }
  }

  private static func read(
    from descriptor: Int32, seconds: Int, _ onProgress: (Int) -> Void
  ) -> [UInt8]? {
    var end = now + Int64(seconds) * 1000
    var answer: [UInt8] = []
    while true {
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let left = end - now
      guard left > 0 else { return nil }
      let ready = poll(&wait, 1, Int32(clamping: left))
      if ready == 0 { return nil }
      if ready < 0 { continue }
      let before = answer.count
      // Small for one entry, large for a catalogue.
      let capacity = before < 4096 ? 4096 : 256 << 10
      answer += [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        count = max(
          0, retryingInterrupts { Glibc.read(descriptor, buffer.baseAddress!, buffer.count) })
      }
      if answer.count == before { return answer }
      end = now + Int64(seconds) * 1000
      if answer.last == progressSign && answer[0] == progressSign { onProgress(answer.count) }
    }
  }

  /// Milliseconds on a clock that is never set back.
  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
