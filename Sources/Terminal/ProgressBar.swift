import Glibc
import Posix
import Synchronization

/// One line on the terminal that shows the progress.
package final class ProgressBar {
  /// Shared, as messages come from any thread.
  private static let isLineShown = Atomic(false)

  private let start = Process.now
  private var lastDrawn = 0.0
  private let title: String
  private let report: () -> State

  /// The progress.
  package struct State {
    /// The number of bytes done, for the rate.
    package var bytes: UInt64
    /// The fraction done, 0 to 1, if known.
    package var fraction: Double?
    /// What to show instead, if the work is not measured in bytes.
    package var text: String?
    /// What to show besides.
    package var note: String?

    package init(bytes: UInt64 = 0, fraction: Double? = nil, text: String? = nil) {
      self.bytes = bytes
      self.fraction = fraction
      self.text = text
    }
  }

  /// - Parameter report: called whenever the line is drawn, a few times a second.
  package init(title: String, report: @escaping () -> State) {
    self.title = title
    self.report = report
  }

  /// A bar for progress that the caller reports.
  ///
  /// - Parameter note: what to show besides, asked whenever the line is drawn.
  /// - Returns: a function to call with the bytes so far, and the fraction of the total if known.
  package static func reporter(
    title: String, note: @escaping () -> String? = { nil }
  ) -> (_ bytes: UInt64, _ fraction: Double?) -> Void {
    var state = State()
    let bar = ProgressBar(title: title) {
      state.note = note()
      return state
    }
    return { bytes, fraction in
      state.bytes = bytes
      state.fraction = fraction
      bar.tick()
    }
  }

  /// Draws the line, unless it was drawn just now.
  package func tick() {
    let now = Process.now
    guard now - lastDrawn >= 0.1 else { return }
    lastDrawn = now
    var state = report()
    // A source may grow during reading.
    state.fraction = state.fraction.map { max(0, min(1, $0)) }
    let elapsed = max(now - start, 0.001)
    var line = "\(title): "
    if let fraction = state.fraction {
      let percent = min(99.0, fraction * 100)
      line += Self.bar(fraction) + " " + String(Int(percent)).leftPadded(to: 2) + " %, "
    }
    line += state.text ?? state.bytes.asBytes
    if state.text == nil { line += ", \(UInt64(Double(state.bytes) / elapsed).asBytes)/s" }
    if let note = state.note { line += ", \(note)" }
    if let fraction = state.fraction, fraction > 0.01, elapsed > 1 {
      line += ", \((elapsed / fraction - elapsed).asDuration) left"
    }
    StandardError.write("\r\u{1B}[K\(line.prefix(Self.width()))")
    Self.isLineShown.store(true, ordering: .relaxed)
  }

  /// Erases the line, so that a message can take its place.
  package static func clearLine() {
    if isLineShown.exchange(false, ordering: .relaxed) { StandardError.write("\r\u{1B}[K") }
  }

  private static func bar(_ fraction: Double) -> String {
    let filled = Int(fraction * 20)
    return "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: 20 - filled)
      + "]"
  }

  /// The number of columns of a terminal, less one.
  package static func width(of terminal: Int32 = STDERR_FILENO) -> Int {
    var size = winsize()
    return ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
      ? Int(size.ws_col) - 1 : 79
  }
}
