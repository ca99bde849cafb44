/// Threads that end before the group does: `deinit` waits for them.
public final class ThreadGroup {
  private final class Box {
    private var thread: WorkerThread?
    init(_ thread: consuming WorkerThread) { self.thread = consume thread }
    func join() { if let thread = thread.take() { thread.join() } }
  }

  private var threads: [Box] = []

  /// Starts a thread for each body; fewer if the system runs out.
  ///
  /// - Throws: `SystemError` if the system cannot start even one.
  public init(_ bodies: [@Sendable () -> Void]) throws(SystemError) {
    for body in bodies {
      do throws(SystemError) {
        threads.append(Box(try WorkerThread(body)))
      } catch {
        if threads.isEmpty { throw error }
        break
      }
    }
  }

  deinit { join() }

  /// Waits for all threads to end.
  public func join() {
    for thread in threads { thread.join() }
    threads = []
  }
}
