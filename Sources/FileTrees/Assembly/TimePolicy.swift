/// The times that entries get.
public enum TimePolicy: Sendable, Equatable {
  /// Those of the source.
  case keep
  /// One time for all, in seconds since 1970.
  case fixed(Int64)
  /// The source's times, capped at this one.
  case notAfter(Int64)

  func apply(to time: Int64) -> Int64 {
    switch self {
    case .keep: time
    case .fixed(let fixed): fixed
    // Unknown times too.
    case .notAfter(let latest): min(time, latest)
    }
  }

  /// The seconds since 1970 of a date: `@SECONDS`, `2026-01-31`, `2026-01-31 12:00[:00]`, with `T`
  /// for the space, and `Z` or `+01:00` at the end. The default zone is UTC.
  ///
  /// - Returns: `nil` if the text is not a date.
  public static func seconds(of text: String) -> Int64? {
    if text.first == "@" { return Int64(text.dropFirst()) }
    var parser = DateParser(rest: text.utf8[...])
    return parser.parse()
  }
}

/// Parses a date.
private struct DateParser {
  var rest: String.UTF8View.SubSequence

  mutating func parse() -> Int64? {
    guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
      (1...12).contains(month), (1...Self.days(in: month, year)).contains(day)
    else { return nil }
    var seconds = Self.daysSince1970(year, month, day) * 86_400
    if rest.isEmpty { return seconds }
    guard take("T") || take(" "), let hour = number(2), take(":"), let minute = number(2),
      hour < 24, minute < 60
    else { return nil }
    seconds += hour * 3600 + minute * 60
    if take(":") {
      guard let second = number(2), second <= 60 else { return nil }
      seconds += second
    }
    guard let zone = zone(), rest.isEmpty else { return nil }
    return seconds - zone
  }

  /// The zone's seconds before UTC.
  private mutating func zone() -> Int64? {
    if rest.isEmpty || take("Z") { return 0 }
    let sign: Int64 = rest.first == UInt8(ascii: "-") ? -1 : 1
    guard take("+") || take("-"), let hours = number(2), hours < 24 else { return nil }
    _ = take(":")
    guard let minutes = rest.isEmpty ? 0 : number(2), minutes < 60 else { return nil }
    return sign * (hours * 3600 + minutes * 60)
  }

  private mutating func number(_ digits: Int) -> Int64? {
    let text = rest.prefix(digits)
    guard text.count == digits, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    rest = rest.dropFirst(digits)
    return text.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let first = rest.first, UInt32(first) == character.value else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func days(in month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func isLeap(_ year: Int64) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let years = year - 1
    // Days from year 1 to the start of this one, in the proleptic Gregorian calendar.
    let before = years * 365 + years / 4 - years / 100 + years / 400
    let months = (1..<month).reduce(0) { $0 + days(in: $1, year) }
    return before + months + day - 1 - 719_162
  }
}
