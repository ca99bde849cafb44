extension WorkerThread {
  /// Runs a closure in a new thread, and waits for it: in a forked process, before it starts more.
  ///
  /// Locks of Swift's runtime note the number of the thread that holds them, and a thread asks for
  /// its own number once. In a forked process the first thread would give its parent's, and if
  /// another thread then wanted the same lock, both would wait forever.
  ///
  /// - Throws: `SystemError` if the system has no thread left.
  public static func run(_ body: () -> Void) throws(SystemError) {
    var failure: SystemError?
    withoutActuallyEscaping(body) { body in
      let call = Call(body)
      do throws(SystemError) { try WorkerThread { call.body() }.join() } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// For one other thread.
  private final class Call: @unchecked Sendable {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
}
