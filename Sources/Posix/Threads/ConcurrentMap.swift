import Synchronization

/// Runs `body` for each number below `count` on several threads: for work that spends its time
/// waiting, such as requests to a bucket.
///
/// - Returns: the results, in numerical order.
/// - Throws: `SystemError` if the system cannot start even one thread.
public func concurrentMap<R: Sendable>(
  count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> R
) throws(SystemError) -> [R] {
  let results = Results<R>(count: count)
  let pool = try TaskPool(
    contexts: [Void](repeating: (), count: min(threads, max(1, count))), queueLimit: 64)
  for index in 0..<count {
    pool.submit { _ in
      let result = body(index)
      results.values.withLock { $0[index] = result }
    }
  }
  pool.drain()
  return results.values.withLock { $0.map { $0! } }
}

private final class Results<R: Sendable>: Sendable {
  let values: Mutex<[R?]>

  init(count: Int) { values = Mutex([R?](repeating: nil, count: count)) }
}
