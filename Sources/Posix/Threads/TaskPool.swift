/// Threads that run closures in any order, each with a context of its own.
///
/// The queue is bounded: a caller who submits faster than the threads can work must wait.
public final class TaskPool<Context> {
  private let core: Core
  private let threads: ThreadGroup

  /// Starts the threads; fewer if the system runs out.
  ///
  /// - Parameters:
  ///   - contexts: one per thread, used by that thread only.
  ///   - queueLimit: the maximum number of waiting closures.
  /// - Throws: `SystemError` if the system cannot start even one.
  public init(contexts: [Context], queueLimit: Int) throws(SystemError) {
    let core = Core(limit: queueLimit)
    self.core = core
    threads = try ThreadGroup(
      contexts.map { context in
        let box = ContextBox(context)
        return { core.serve(box.context) }
      })
  }

  deinit {
    core.close()
    threads.join()
  }

  /// Hands a closure to the threads; waits while the queue is full.
  ///
  /// - Parameter isUrgent: whether it overtakes the waiting closures.
  public func submit(isUrgent: Bool = false, _ task: @escaping @Sendable (Context) -> Void) {
    core.submit(task, isUrgent: isUrgent)
  }

  /// Waits until all closures have run.
  public func drain() { core.drain() }

  /// Goes to one thread, which alone uses it.
  private final class ContextBox: @unchecked Sendable {
    let context: Context
    init(_ context: Context) { self.context = context }
  }

  /// State shared by all threads and guarded by its monitor: `Mutex` cannot wait for a condition.
  private final class Core: @unchecked Sendable {
    private static var workReady: Int { 0 }
    private static var roomReady: Int { 1 }
    private static var allDone: Int { 2 }

    private let monitor = Monitor(conditions: 3)
    private let limit: Int
    // Guarded by `monitor`: a ring of closures.
    private var ring: [(@Sendable (Context) -> Void)?]
    private var head = 0
    private var waiting = 0
    private var running = 0
    private var isClosed = false

    init(limit: Int) {
      self.limit = limit
      ring = Array(repeating: nil, count: limit)
    }

    func submit(_ task: @escaping @Sendable (Context) -> Void, isUrgent: Bool) {
      monitor.withLock {
        while waiting == limit { monitor.wait(on: Self.roomReady) }
        if isUrgent {
          head = (head + limit - 1) % limit
          ring[head] = task
        } else {
          ring[(head + waiting) % limit] = task
        }
        waiting += 1
        monitor.signal(Self.workReady)
      }
    }

    func drain() {
      monitor.withLock {
        while waiting + running > 0 { monitor.wait(on: Self.allDone) }
      }
    }

    func close() {
      monitor.withLock {
        isClosed = true
        monitor.broadcast(Self.workReady)
      }
    }

    func serve(_ context: Context) {
      while runNext(context) {
        monitor.withLock {
          running -= 1
          if waiting + running == 0 { monitor.broadcast(Self.allDone) }
        }
      }
    }

    /// Runs a closure and releases all it holds, so that `drain` waits for that too.
    ///
    /// - Returns: whether there was one.
    @inline(never)
    private func runNext(_ context: Context) -> Bool {
      guard let task = next() else { return false }
      task(context)
      return true
    }

    private func next() -> (@Sendable (Context) -> Void)? {
      monitor.withLock {
        while waiting == 0 && !isClosed { monitor.wait(on: Self.workReady) }
        guard waiting > 0, !isClosed else { return nil }
        let task = ring[head]
        ring[head] = nil
        head = (head + 1) % limit
        waiting -= 1
        running += 1
        monitor.signal(Self.roomReady)
        return task
      }
    }
  }
}
