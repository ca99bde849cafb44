import Posix

/// A difference shared by all entries of two trees, or nearly all, as after somebody else unpacked.
public struct CommonDifference: Sendable {
  public let aspect: Aspect
  /// The number of entries with this difference.
  let count: Int
  private let text: String
  private let rule: Rule

  /// Which changes it covers.
  private enum Rule: Sendable {
    case text(String)
    case shift(Int64)
    /// Any change of a time.
    case time
  }

  /// For example "all: owner 0:0 -> 1003:1003".
  ///
  /// - Parameter total: the number of entries in both trees.
  func line(of total: Int) -> String {
    (count == total ? "all: " : "\(count.grouped) of \(total.grouped): ") + text
  }

  /// Whether it covers a change.
  func covers(_ change: Difference.Change) -> Bool {
    guard change.aspect == aspect else { return false }
    switch rule {
    case .text(let text): return change.text == text
    case .shift(let shift): return change.shift == shift
    case .time: return true
    }
  }

  /// Counts the differences that entries share.
  struct Tally {
    private var texts: [Aspect: [String: Int]] = [:]
    private var shifts: [Int64: Int] = [:]
    private var times = 0
    /// If entries differ in more ways, none is that of nearly all, except in odd orders.
    private static let mostWays = 1024
    /// The aspects that one line may cover for all. For contents and targets each one counts.
    private static let aspects: [Aspect] = [.owner, .mode, .mtime, .xattrs]

    mutating func add(_ difference: Difference) {
      guard case .changed(let changes) = difference.kind else { return }
      for change in changes where Self.aspects.contains(change.aspect) {
        Self.count(change.text, in: &texts[change.aspect, default: [:]])
        guard let shift = change.shift else { continue }
        times += 1
        Self.count(shift, in: &shifts)
      }
    }

    private static func count<Way>(_ way: Way, in counts: inout [Way: Int]) {
      if counts[way] != nil || counts.count < mostWays { counts[way, default: 0] += 1 }
    }

    /// - Parameter total: the number of entries in both trees.
    func result(of total: Int) -> [CommonDifference] {
      func isCommon(_ count: Int) -> Bool {
        count == total ? count > 1 : count >= 10 && count > total - total / 10
      }
      return Self.aspects.compactMap { aspect in
        if let (text, count) = texts[aspect]?.max(by: { $0.value < $1.value }), isCommon(count) {
          return CommonDifference(aspect: aspect, count: count, text: text, rule: .text(text))
        }
        guard aspect == .mtime else { return nil }
        if let (shift, count) = shifts.max(by: { $0.value < $1.value }), isCommon(count) {
          return CommonDifference(
            aspect: aspect, count: count, text: "time \(Self.text(of: shift))", rule: .shift(shift))
        }
        guard isCommon(times) else { return nil }
        return CommonDifference(
          aspect: aspect, count: times, text: "time, in different ways", rule: .time)
      }
    }

    /// For example "2 hours later".
    private static func text(of shift: Int64) -> String {
      let seconds = shift.magnitude
      let length =
        seconds % 3600 == 0
        ? (seconds / 3600).counted("hour")
        : seconds % 60 == 0 ? (seconds / 60).counted("minute") : seconds.counted("second")
      return "\(length) \(shift < 0 ? "earlier" : "later")"
    }
  }
}
