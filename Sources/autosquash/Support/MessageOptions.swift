import ArgumentParser
import Glibc
import Inputs
import Posix
import Terminal

/// What to print besides the result.
struct MessageOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Print errors only.") var quiet = false
  @Flag(help: "Print the result as JSON.") var json = false
  @Option(help: "auto (on a terminal), always or never.") var progress = ProgressMode.auto

  /// Whether to draw a progress bar.
  var showsProgress: Bool { progress.isShown && !quiet }

  /// A progress bar for one file, if wanted.
  func progressBar(for path: [UInt8]) -> ProgressReport? {
    showsProgress ? ProgressBar.reporter(title: path.escapedName) : nil
  }
}

/// When to show progress.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable {
  /// On a terminal.
  case auto
  case always
  case never

  var isShown: Bool {
    switch self {
    case .auto: isatty(STDERR_FILENO) == 1
    case .always: true
    case .never: false
    }
  }
}
