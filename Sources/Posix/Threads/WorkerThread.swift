import Glibc

/// An operating-system thread that runs one closure and is joined or detached once.
///
/// Signals that end a program are for its first thread.
public struct WorkerThread: ~Copyable {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  private let handle: pthread_t

  /// Starts the thread.
  ///
  /// - Throws: `SystemError` if the system has no thread left, or no memory for its stack.
  public init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    var handle = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    var (ending, before) = (sigset_t(), sigset_t())
    sigemptyset(&ending)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&ending, number) }
    // The new thread takes over what is blocked here.
    pthread_sigmask(SIG_BLOCK, &ending, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let status = pthread_create(
      &handle, nil,
      { context in
        Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      // The system uses one error number for both.
      throw SystemError(
        "start a thread (not enough memory, or too many processes)", code: status)
    }
    self.handle = handle
  }

  /// Waits for the closure to return.
  public consuming func join() { pthread_join(handle, nil) }

  /// Lets the closure run on its own; the process's end cuts it off.
  public consuming func detach() { pthread_detach(handle) }
}

/// A mutual-exclusion lock with condition variables.
///
/// `Synchronization.Mutex` cannot wait on a condition, which back-pressure needs.
public final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let conditions: UnsafeMutablePointer<pthread_cond_t>
  private let conditionCount: Int

  /// Makes a lock with `count` conditions to wait on, numbered from 0.
  public init(conditions count: Int) {
    conditionCount = count
    conditions = .allocate(capacity: count)
    pthread_mutex_init(mutex, nil)
    for index in 0..<count { pthread_cond_init(conditions + index, nil) }
  }

  deinit {
    for index in 0..<conditionCount { pthread_cond_destroy(conditions + index) }
    pthread_mutex_destroy(mutex)
    conditions.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` while holding the lock.
  public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Releases the lock until the condition is signalled; call it inside `withLock`, in a loop.
  public func wait(on condition: Int) { pthread_cond_wait(conditions + condition, mutex) }

  /// Waits likewise, but no longer than some milliseconds.
  public func wait(on condition: Int, atMost milliseconds: Int) {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = time.tv_nsec + max(0, milliseconds) % 1_000 * 1_000_000
    time.tv_sec += max(0, milliseconds) / 1_000 + nanoseconds / 1_000_000_000
    time.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_clockwait(conditions + condition, mutex, CLOCK_MONOTONIC, &time)
  }

  /// Wakes one waiter.
  public func signal(_ condition: Int) { pthread_cond_signal(conditions + condition) }

  /// Wakes all waiters.
  public func broadcast(_ condition: Int) { pthread_cond_broadcast(conditions + condition) }
}
