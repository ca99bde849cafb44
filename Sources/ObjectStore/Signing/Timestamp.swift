import Glibc

/// Points in time, in seconds since 1970, as the services write them.
enum Timestamp {
  /// The system's clock.
  static func now() -> Int { time(nil) }

  /// As signatures have it: `20130524T000000Z`. Years before 1970 and after 9999 become those.
  static func compact(_ seconds: Int) -> String {
    let seconds = min(max(0, seconds), 253_402_300_799)
    let (year, month, day) = date(ofDay: seconds / 86_400)
    let rest = seconds % 86_400
    return digits(year, 4) + digits(month, 2) + digits(day, 2) + "T" + digits(rest / 3600, 2)
      + digits(rest / 60 % 60, 2) + digits(rest % 60, 2) + "Z"
  }

  /// The time that `2026-01-31T12:00:00Z` and the like mean (RFC 3339): with a fraction of a
  /// second, which is ignored, or an offset.
  static func parse(_ text: String) -> Int? {
    var rest = Array(text.utf8)[...]
    func number(_ count: Int, then separator: String = "") -> Int? {
      let field = rest.prefix(count)
      rest = rest.dropFirst(count)
      guard field.count == count, field.allSatisfy({ (0x30...0x39).contains($0) }) else {
        return nil
      }
      if !separator.isEmpty {
        guard let first = rest.popFirst(), separator.utf8.contains(first) else { return nil }
      }
      return field.reduce(0) { 10 * $0 + Int($1 - 0x30) }
    }
    guard let year = number(4, then: "-"), let month = number(2, then: "-"),
      let day = number(2, then: "Tt "), let hour = number(2, then: ":"),
      let minute = number(2, then: ":"), let second = number(2),
      (1970...9999).contains(year), (1...12).contains(month),
      (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst().drop { (0x30...0x39).contains($0) }
    }
    let local = self.day(of: (year, month, day)) * 86_400 + hour * 3600 + minute * 60 + second
    guard let sign = rest.popFirst() else { return nil }
    switch sign {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): return rest.isEmpty ? local : nil
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let hours = number(2, then: ":"), let minutes = number(2), rest.isEmpty, hours < 24,
        minutes < 60
      else { return nil }
      let offset = hours * 3600 + minutes * 60
      return sign == UInt8(ascii: "+") ? local - offset : local + offset
    default: return nil
    }
  }

  /// The time that a header such as `Date: Sun, 06 Nov 1994 08:49:37 GMT` means (RFC 9110, section
  /// 5.6.7, without the obsolete forms).
  static func parseHeader(_ text: String) -> Int? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 6, words[0].utf8.count == 4, words[1].utf8.count == 2, words[5] == "GMT",
      let month = months.firstIndex(of: words[2])
    else { return nil }
    return parse("\(words[3])-\(digits(month + 1, 2))-\(words[1])T\(words[4])Z")
  }

  private static let months: [Substring] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }

  /// The days before a date since 1970. Years begin in March here, so that the leap day is their
  /// last.
  private static func day(of date: (year: Int, month: Int, day: Int)) -> Int {
    let year = date.month > 2 ? date.year : date.year - 1
    let month = (date.month + 9) % 12
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date.day - 1
      - 719_468
  }

  private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
    let day = day + 719_468
    let era = day / 146_097
    let inEra = day % 146_097
    let yearOfEra = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * inYear + 2) / 153
    let year = era * 400 + yearOfEra + (month >= 10 ? 1 : 0)
    return (year, (month + 2) % 12 + 1, inYear - (153 * month + 2) / 5 + 1)
  }
}
