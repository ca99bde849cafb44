import HTTP
import Synchronization

/// The time in seconds since 1970, as signatures need it: this machine's, or a service's if the two
/// are too far apart. Services refuse a signature that is older or younger than some minutes.
package final class ServiceClock: Sendable {
  /// The strictest service takes five minutes; S3 takes fifteen.
  private static let tolerance = 240

  private let machine: @Sendable () -> Int
  /// What to add to the machine's time.
  private let difference = Mutex(0)

  /// - Parameter machine: the machine's time.
  init(_ machine: @escaping @Sendable () -> Int = { Timestamp.now() }) { self.machine = machine }

  func now() -> Int { machine() + difference.withLock { $0 } }

  /// Takes over the time of a service that refused a request, if that may be the reason.
  ///
  /// - Returns: whether it is worth to sign again: the time is another now, or has become another
  ///   while the request was under way.
  func adjust(to answer: HTTPAnswer) -> Bool {
    guard [400, 403].contains(answer.status), let date = Self.date(of: answer) else { return false }
    let machine = machine()
    return difference.withLock { difference in
      let isOff = abs(date - machine) > Self.tolerance
      guard isOff || abs(date - machine - difference) > Self.tolerance else { return false }
      difference = isOff ? date - machine : 0
      return true
    }
  }

  /// What to tell people when a service still refuses the time.
  static func advice(_ answer: HTTPAnswer) -> String {
    let minutes = date(of: answer).map { abs($0 - Timestamp.now()) / 60 } ?? 0
    return "this machine's clock is \(minutes > 0 ? "\(minutes) minutes " : "")off; "
      + "\"timedatectl set-ntp true\" sets it"
  }

  private static func date(of answer: HTTPAnswer) -> Int? {
    answer.header("Date").flatMap(Timestamp.parseHeader)
  }
}
