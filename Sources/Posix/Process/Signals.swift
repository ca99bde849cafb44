internal import Glibc

/// What the signals do that ask a program to stop: SIGINT, SIGTERM and SIGHUP.
enum Signals {
  /// What one of them did before.
  typealias Previous = (number: Int32, action: sigaction)

  /// Has a handler called for each of them, unless the caller of the program ignores it, as nohup(1)
  /// does.
  ///
  /// - Returns: what they did before.
  @discardableResult
  static func handle(with handler: @escaping @convention(c) (Int32) -> Void) -> [Previous] {
    var previous: [Previous] = []
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(number, nil, &action)
      // SIG_IGN is 1, and a macro that Swift does not import.
      if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      previous.append((number, action))
      action = sigaction()
      action.__sigaction_handler.sa_handler = handler
      sigaction(number, &action, nil)
    }
    return previous
  }

  /// Has them do what they did before.
  static func restore(_ previous: [Previous]) {
    for (number, action) in previous {
      var action = action
      sigaction(number, &action, nil)
    }
  }

  /// Ends the program the way a signal would have, had nobody handled it.
  static func die(of number: Int32) {
    signal(number, SIG_DFL)
    raise(number)
  }
}
