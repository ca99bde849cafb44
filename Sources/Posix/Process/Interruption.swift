import Glibc
import Synchronization

/// Notes signals that ask the program to stop, so that it can clean up first.
public enum Interruption {
  private static let number = Atomic<Int32>(0)

  /// From now on SIGINT, SIGTERM and SIGHUP are only noted; a second one ends the program.
  public static func watch() {
    Signals.handle { number in
      Interruption.number.store(number, ordering: .relaxed)
      signal(number, SIG_DFL)
    }
  }

  /// The message a fatal signal prints: the address of zero-terminated bytes, which are never
  /// freed because a handler may be reading them.
  private static let lastWords = Atomic<UInt>(0)
  nonisolated(unsafe) private static var isAnnounced = false

  /// Sets the message that a fatal signal prints on standard error; `nil` for none.
  ///
  /// Call it from one thread only.
  public static func announce(_ words: String?) {
    let copy = words.flatMap { strdup($0) }
    lastWords.store(UInt(bitPattern: copy), ordering: .relaxed)
    guard !isAnnounced else { return }
    isAnnounced = true
    Signals.handle { number in
      Interruption.speak()
      Signals.die(of: number)
    }
  }

  /// Prints the announced message; for signal handlers.
  static func speak() {
    guard let words = UnsafePointer<CChar>(bitPattern: lastWords.load(ordering: .relaxed)) else {
      return
    }
    _ = write(STDERR_FILENO, words, strlen(words))
  }

  /// Whether a signal has arrived.
  public static var isRequested: Bool { number.load(ordering: .relaxed) != 0 }

  /// Ends the program as the signal would have, if one has arrived.
  public static func endIfRequested() {
    let number = number.load(ordering: .relaxed)
    if number != 0 { Signals.die(of: number) }
  }
}
