import CLinux

/// The system's log.
enum SystemLog {
  static func write(_ line: String) { line.withCString { clinux_log("autosquash", $0) } }
}
