import Posix
import SquashFS
import Synchronization

/// Tells the log about damage: each place once, and never more than some lines a minute.
final class DamageLog: Sendable {
  private let write: @Sendable (String) -> Void
  private let state = Mutex(State())

  private struct State {
    var known: Set<String> = []
    var minute = 0.0
    var lines = 0
  }

  private static let mostKnown = 1000
  private static let mostLines = 20

  init(_ write: @escaping @Sendable (String) -> Void) { self.write = write }

  func note(_ error: ImageReadError) {
    let line = "\(error)"
    let isNew = state.withLock { state in
      guard !state.known.contains(line) else { return false }
      let now = Process.now
      if now - state.minute > 60 {
        state.minute = now
        state.lines = 0
      }
      guard state.lines < Self.mostLines else { return false }
      state.lines += 1
      if state.known.count >= Self.mostKnown { state.known.removeAll() }
      state.known.insert(line)
      return true
    }
    if isNew { write(line) }
  }
}
