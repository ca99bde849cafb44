import CLinux
import Glibc
public import Posix

/// An answer computed by another process, and abandoned after a timeout.
///
/// A process that waits for an unresponsive FUSE file system cannot be interrupted or even killed;
/// all we can do is use another process and leave it behind.
public enum ForkedAnswer {
  /// Why there is no answer.
  public enum Failure<Refusal: Error>: Error {
    /// The other process found a reason.
    case refused(Refusal)
    /// It did not come in time.
    case late
    /// There is no other process, or it ended without an answer.
    case noProcess(SystemError)
  }

  /// Does `work` in another process and waits for the result.
  ///
  /// The calling process must have a single thread.
  ///
  /// - Parameters:
  ///   - seconds: how long to wait, from the start or the latest sign of progress.
  ///   - onProgress: called in this process with the number of signs so far.
  ///   - afterwards: runs once the answer is sent, in the process that nobody waits for.
  ///   - work: computes the answer. Its argument is a function that signals progress, callable from
  ///     any thread.
  public static func ask<Value: WireCodable, Refusal: WireCodable & Error>(
    seconds: Int, onProgress: (Int) -> Void = { _ in }, afterwards: () -> Void = {},
    _ work: (_ progress: @escaping @Sendable () -> Void) throws(Refusal) -> Value
  ) throws(Failure<Refusal>) -> Value {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .noProcess(SystemError("make a pipe")) }
    let child = clinux_fork()
    guard child >= 0 else {
      let error = SystemError("start a process")
      close(ends[0])
      close(ends[1])
      throw .noProcess(error)
    }
    if child == 0 {
      let end = ends[1]
      detach(keeping: end)
      let isDone: Void? = try? WorkerThread.run {
        let outcome = Result { () throws(Refusal) in
          try work { write([progressSign], to: end) }
        }
        write(framed(outcome), to: end)
        close(end)
        afterwards()
      }
      _exit(isDone == nil ? 1 : 0)
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard let received = read(from: ends[0], seconds: seconds, onProgress) else {
      kill(child, SIGKILL)
      throw .late
    }
    guard let outcome: Result<Value, Refusal> = unframed(received) else {
      throw .noProcess(SystemError("read the second process's whole answer", code: EPIPE))
    }
    do throws(Refusal) { return try outcome.get() } catch { throw .refused(error) }
  }

  // MARK: The pipe's protocol

  private static let progressSign = UInt8(ascii: ".")
  private static let answerSign = UInt8(ascii: "=")
  private static let refusalSign = UInt8(ascii: "!")

  /// Prefixes a result with its length, which shows whether the writer was killed halfway: half a
  /// listing would look as if files had been removed.
  static func framed<Value: WireCodable, Refusal: WireCodable>(
    _ outcome: Result<Value, Refusal>
  ) -> [UInt8] {
    let (sign, bytes) =
      switch outcome {
      case .success(let value): (answerSign, value.wireBytes)
      case .failure(let refusal): (refusalSign, refusal.wireBytes)
      }
    return [sign] + withUnsafeBytes(of: UInt64(bytes.count).littleEndian, Array.init) + bytes
  }

  /// The result in the received bytes, after the progress signals; `nil` if it is incomplete.
  static func unframed<Value: WireCodable, Refusal: WireCodable>(
    _ received: [UInt8]
  ) -> Result<Value, Refusal>? {
    guard let sign = received.firstIndex(where: { $0 != progressSign }) else { return nil }
    let start = sign + 1 + MemoryLayout<UInt64>.size
    guard received.count >= start else { return nil }
    let length = received[(sign + 1)..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length == UInt64(received.count - start) else { return nil }
    let bytes = Array(received[start...])
    return switch received[sign] {
    case answerSign: Value(wireBytes: bytes).map { .success($0) }
    case refusalSign: Refusal(wireBytes: bytes).map { .failure($0) }
    default: nil
    }
  }

  /// Releases everything that somebody may wait for: autofs reads the map's output until it is
  /// closed, and stops its process group; locks last as long as anybody has them open.
  private static func detach(keeping descriptor: Int32) {
    // Without this, before Linux 5.9, others may wait as long as this process does.
    if descriptor > 3 { close_range(3, UInt32(descriptor - 1), 0) }
    close_range(UInt32(descriptor + 1), .max, 0)
    setsid()
    _ = chdir("/")
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { _exit(1) }
    for descriptor: Int32 in 0...2 { dup2(null, descriptor) }
    close(null)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    guard writeFully(descriptor, bytes) else { _exit(1) }
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

  /// Milliseconds on a monotonic clock.
  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
