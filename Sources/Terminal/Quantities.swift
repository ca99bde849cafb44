import Posix

/// Numbers in readable form.
extension UInt64 {
  /// A size in decimal units with three digits: "1.23 GB".
  package var asBytes: String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(self)
    var unit = 0
    while value >= 999.5 && unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    if unit == 0 { return self == 1 ? "1 byte" : "\(self) bytes" }
    return "\(value.rounded(toDigits: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) \(units[unit])"
  }
}

extension BinaryInteger {
  /// An image's inode count in its users' words. A single one is the root.
  package var asFilesAndDirectories: String {
    self == 1 ? "1 directory" : "\(grouped) files and directories"
  }
}

extension Double {
  /// The number, at least zero, with that many digits after the point.
  package func rounded(toDigits digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int(exactly: (max(0, self) * scale).rounded()) ?? .max
    guard digits > 0 else { return String(scaled) }
    let fraction = String(scaled % Int(scale))
    return
      "\(scaled / Int(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  /// Seconds as "12.3 s", "4:05" or "1:02:03".
  package var asDuration: String {
    if self < 60 { return "\(rounded(toDigits: 1)) s" }
    let total = Int(rounded())
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60)
    let end = seconds < 10 ? "0\(seconds)" : "\(seconds)"
    if hours == 0 { return "\(minutes):\(end)" }
    return "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(end)"
  }
}
