import CLinux
import Glibc
package import Posix
import Synchronization

/// The processes of a mount: one answers the kernel's requests, without any rights; another one
/// waits for its end, however that comes, and unmounts.
package enum MountProcesses {
  /// Mounts an image.
  ///
  /// The calling process must have a single thread.
  ///
  /// - Parameters:
  ///   - folder: an absolute path.
  ///   - isForeground: whether to return only when the image is unmounted.
  ///   - secret: finds what the process that answers requests may need again later, and which only the
  ///     superuser can read. It runs in a process of its own.
  ///   - serve: runs in the process that answers requests. It opens the image, mounts it, and calls
  ///     its last argument once requests are answered. It returns an exit status, after a message. The
  ///     first argument asks for the secret; it is `nil` if this process reads what it could before.
  /// - Returns: an exit status. A mount that is not in the foreground answers by then.
  /// - Throws: `SystemError` if there is no other process.
  package static func run(
    on folder: [UInt8], isForeground: Bool, secret: (() -> [UInt8])? = nil,
    _ serve: (_ secret: SecretChannel?, _ isReady: () -> Void) -> Int32
  ) throws(SystemError) -> Int32 {
    if isForeground { return try watch(folder, secret, serve, onReady: { true }) }
    let (end, status) = try pipe()
    let guardian = clinux_fork()
    guard guardian >= 0 else { throw SystemError("start a process") }
    if guardian == 0 {
      close(end)
      do throws(SystemError) {
        let result = try watch(folder, secret, serve) {
          detach()
          return send(0, to: status)
        }
        _ = send(result, to: status)
      } catch { _ = send(1, to: status) }
      _exit(0)
    }
    close(status)
    defer { close(end) }
    passSignals(to: guardian)
    return receive(from: end) ?? 1
  }

  /// The process that signals are passed on to.
  private static let successor = Atomic<pid_t>(0)

  /// Has signals that would end this process go to another one, whose end is that of this one.
  private static func passSignals(to process: pid_t) {
    successor.store(process, ordering: .relaxed)
    for number in [SIGTERM, SIGINT, SIGHUP] {
      signal(number) { kill(MountProcesses.successor.load(ordering: .relaxed), $0) }
    }
  }

  /// Starts the process that serves, waits for its end, and unmounts.
  ///
  /// - Parameter onReady: called when the mount answers; returns whether it is still wanted.
  private static func watch(
    _ folder: [UInt8], _ secret: (() -> [UInt8])?,
    _ serve: (SecretChannel?, () -> Void) -> Int32, onReady: () -> Bool
  ) throws(SystemError) -> Int32 {
    let before = MountPoint(folder)
    let (end, status) = try pipe()
    var channel: (asks: Int32, answers: Int32)?
    if secret != nil && geteuid() == 0 { channel = try SecretChannel.pair() }
    let process = clinux_fork()
    guard process >= 0 else { throw SystemError("start a process") }
    if process == 0 {
      close(end)
      let asking = channel.map { channel in
        close(channel.answers)
        return SecretChannel(channel.asks)
      }
      _exit(
        inNewThread(Privileges.forbidMore) { serve(asking) { _ = send(0, to: status) } })
    }
    close(status)
    if let channel { close(channel.asks) }
    passSignals(to: process)
    signal(SIGPIPE, SIG_IGN)
    var mount: MountPoint?
    if receive(from: end) == 0 {
      // Asks the server for the first time.
      _ = stat(at: folder)
      mount = MountPoint(folder, after: before)
      if mount == nil || !onReady() { kill(process, SIGTERM) }
      // Less would do, but is no reason to end.
      try? Privileges.reduceToUnmounting()
    }
    close(end)
    if let channel, let secret { SecretKeeper(socket: channel.answers, tell: secret).serve() }
    let result = ChildProcess.wait(for: process)
    if let mount = mount ?? MountPoint(folder, after: before), mount.isDead {
      try? mount.unmount(isLazy: true)
    }
    return result
  }

  /// Runs a closure in a new thread, as a forked process must.
  ///
  /// - Parameter prepare: runs before, in this thread.
  static func inNewThread(
    _ prepare: () throws(SystemError) -> Void, _ body: () -> Int32
  ) -> Int32 {
    // Signals that end the program are for the new thread.
    var ending = sigset_t()
    sigemptyset(&ending)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&ending, number) }
    pthread_sigmask(SIG_BLOCK, &ending, nil)
    var result: Int32 = 1
    do {
      try prepare()
      try WorkerThread.run {
        pthread_sigmask(SIG_UNBLOCK, &ending, nil)
        result = body()
      }
      return result
    } catch { return 1 }
  }

  /// Lets go of the terminal, and of all that somebody may wait for.
  package static func detach() {
    setsid()
    _ = chdir("/")
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { return }
    for descriptor: Int32 in 0...2 { dup2(null, descriptor) }
    if null > 2 { close(null) }
  }

  // MARK: One byte from process to process

  private static func pipe() throws(SystemError) -> (end: Int32, start: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("make a pipe") }
    return (ends[0], ends[1])
  }

  private static func send(_ status: Int32, to pipe: Int32) -> Bool {
    writeFully(pipe, [UInt8(truncatingIfNeeded: status)])
  }

  private static func receive(from pipe: Int32) -> Int32? {
    var byte: UInt8 = 0
    let count = retryingInterrupts { read(pipe, &byte, 1) }
    return count == 1 ? Int32(byte) : nil
  }
}
