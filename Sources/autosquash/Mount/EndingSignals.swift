import Glibc

/// The signals that end a mount. They wait until the program is ready to end.
struct EndingSignals {
  private var set = sigset_t()

  /// Holds them back, in this thread and those it starts.
  init() {
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for one of them.
  func wait() {
    var set = set
    var number: Int32 = 0
    while sigwait(&set, &number) != 0 {}
  }

  /// Sends one to this program.
  static func send() { kill(getpid(), SIGTERM) }
}
