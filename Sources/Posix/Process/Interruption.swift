internal import Glibc
internal import Synchronization

/// Signals that ask the program to stop, taken note of so that it can tidy up first.
public enum Interruption {
  private static let number = Atomic<Int32>(0)

  /// From now on SIGINT, SIGTERM and SIGHUP are only noted; a second one ends the program.
  public static func watch() {
    Signals.handle { number in
      Interruption.number.store(number, ordering: .relaxed)
      signal(number, SIG_DFL)
    }
  }

  /// What a signal that ends the program has it say: the address of bytes up to a zero, which are
  /// never freed, as a handler may be reading them.
  private static let lastWords = Atomic<UInt>(0)
  nonisolated(unsafe) private static var isAnnounced = false

  /// Has a signal that ends the program say something on standard error; `nil` for nothing.
  ///
  /// For one thread.
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

  /// Says what was announced; for handlers of signals.
  static func speak() {
    guard let words = UnsafePointer<CChar>(bitPattern: lastWords.load(ordering: .relaxed)) else {
      return
    }
    _ = write(STDERR_FILENO, words, strlen(words))
  }

  /// Whether a signal has come.
  public static var isRequested: Bool { number.load(ordering: .relaxed) != 0 }

  /// Ends the program the way the signal would have, if one has come.
  public static func honour() {
    let number = number.load(ordering: .relaxed)
    if number != 0 { Signals.die(of: number) }
  }
}
