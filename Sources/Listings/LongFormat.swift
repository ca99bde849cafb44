import Glibc
import Posix
import SquashFS
package import TreeModel

/// The parts of a line of `ls -l`.
package enum LongFormat {
  /// Type and permissions as in ls(1): "drwxr-xr-x".
  package static func mode(_ type: FileType, _ permissions: UInt16) -> [UInt8] {
    var text = [UInt8](repeating: UInt8(ascii: "-"), count: 10)
    text[0] = type.letter
    for group in 0..<3 {
      let bits = permissions >> UInt16(6 - 3 * group)
      if bits & 4 != 0 { text[1 + 3 * group] = UInt8(ascii: "r") }
      if bits & 2 != 0 { text[2 + 3 * group] = UInt8(ascii: "w") }
      if bits & 1 != 0 { text[3 + 3 * group] = UInt8(ascii: "x") }
    }
    func mark(_ bit: UInt16, _ index: Int, _ letter: UInt8) {
      guard permissions & bit != 0 else { return }
      // A capital letter if the bit has no effect, because nothing can be executed.
      text[index] = text[index] == UInt8(ascii: "-") ? letter - 32 : letter
    }
    mark(0o4000, 3, UInt8(ascii: "s"))
    mark(0o2000, 6, UInt8(ascii: "s"))
    mark(0o1000, 9, UInt8(ascii: "t"))
    return text
  }

  /// A size as in `ls -h`: at most four characters, powers of 1,024, rounded up.
  package static func human(_ size: UInt64) -> String {
    guard size >= 1024 else { return String(size) }
    var scaled = size
    var rest = false
    for unit in ["K", "M", "G", "T", "P", "E"] {
      // One decimal below ten, whole numbers above.
      let part = scaled % 1024 * 10
      let tenths =
        scaled / 1024 * 10 + (part + 1023) / 1024 + (rest && part % 1024 == 0 ? 1 : 0)
      if tenths < 100 { return "\(tenths / 10).\(tenths % 10)\(unit)" }
      rest = rest || scaled % 1024 != 0
      scaled /= 1024
      let whole = scaled + (rest ? 1 : 0)
      if whole < 1024 { return "\(whole)\(unit)" }
    }
    return String(size)
  }
}

/// Formats times, asking the C library only once per quarter of an hour.
package struct TimeFormat: Sendable {
  private let isFull: Bool
  private var start: Int = .max
  private var day = ""
  private var zone = ""
  /// The second of the day at `start`.
  private var base = 0
  private var lastTime: UInt32?
  private var lastBytes: [UInt8] = []

  /// - Parameter isFull: whether to add seconds and zone.
  package init(isFull: Bool) { self.isFull = isFull }

  /// The result of `text`, as bytes.
  package mutating func bytes(_ seconds: UInt32) -> [UInt8] {
    if seconds != lastTime {
      lastBytes = Array(text(seconds).utf8)
      lastTime = seconds
    }
    return lastBytes
  }

  /// For example "2026-11-22 14:03", or with seconds and zone; in local time.
  package mutating func text(_ seconds: UInt32) -> String {
    let time = Int(seconds)
    // Zones change only at quarters of an hour.
    let quarter = time / 900 * 900
    if quarter != start { remember(quarter) }
    let offset = base + (time - quarter)
    let minute = "\(Self.two(offset / 3600)):\(Self.two(offset / 60 % 60))"
    return isFull ? "\(day) \(minute):\(Self.two(offset % 60)) \(zone)" : "\(day) \(minute)"
  }

  private mutating func remember(_ quarter: Int) {
    var parts = tm()
    var time = time_t(quarter)
    localtime_r(&time, &parts)
    start = quarter
    base = Int(parts.tm_hour) * 3600 + Int(parts.tm_min) * 60 + Int(parts.tm_sec)
    day =
      "\(parts.tm_year + 1900)-\(Self.two(Int(parts.tm_mon) + 1))-\(Self.two(Int(parts.tm_mday)))"
    let minutes = abs(parts.tm_gmtoff) / 60
    zone = (parts.tm_gmtoff < 0 ? "-" : "+") + Self.two(minutes / 60) + Self.two(minutes % 60)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
