import Glibc

/// The actions of the signals that ask a program to stop: SIGINT, SIGTERM and SIGHUP.
enum Signals {
  /// The previous action of one of them.
  typealias Previous = (number: Int32, action: sigaction)

  /// Installs a handler for each of them that the program's caller does not ignore, as nohup(1)
  /// does.
  ///
  /// - Returns: the previous actions.
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

  /// Restores the previous actions.
  static func restore(_ previous: [Previous]) {
    for (number, action) in previous {
      var action = action
      sigaction(number, &action, nil)
    }
  }

  /// Ends the program as an unhandled signal would have. Any thread may call it, though only the first
  /// one takes such signals.
  static func die(of number: Int32) {
    signal(number, SIG_DFL)
    kill(getpid(), number)
  }
}
