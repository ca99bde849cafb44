/// Notices when a server is silent or too slow. Times are milliseconds on any clock.
struct Patience {
  /// Slower is dead.
  static let leastBytesPerSecond = 1 << 10

  private let timeouts: HTTPTimeouts
  private var sentAt: Int?
  private var windowStart: Int?
  private var windowBytes = 0

  init(_ timeouts: HTTPTimeouts) { self.timeouts = timeouts }

  /// Looks at a request whose connection stands.
  ///
  /// - Parameters:
  ///   - isSent: whether the whole request has gone out.
  ///   - hasBegun: whether a byte of the answer has come.
  ///   - bytes: sent and received so far.
  /// - Returns: why to give up.
  mutating func problem(now: Int, isSent: Bool, hasBegun: Bool, bytes: Int) -> HTTPError? {
    if isSent, !hasBegun {
      let sentAt = sentAt ?? now
      self.sentAt = sentAt
      guard now - sentAt >= timeouts.firstByte else { return nil }
      return HTTPError(
        .unreachable, "the server did not answer within \(Self.seconds(timeouts.firstByte))")
    }
    // A window begins anew as soon as it has the bytes that are due at its end.
    guard let start = windowStart,
      bytes - windowBytes < Self.leastBytesPerSecond * timeouts.stall / 1_000
    else {
      windowStart = now
      windowBytes = bytes
      return nil
    }
    guard now - start >= timeouts.stall else { return nil }
    return HTTPError(
      .unreachable,
      "the transfer was slower than \(Self.leastBytesPerSecond) bytes a second for "
        + Self.seconds(timeouts.stall))
  }

  static func seconds(_ milliseconds: Int) -> String {
    milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms"
  }
}
