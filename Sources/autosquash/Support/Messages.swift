import FileTrees
import Glibc
import Posix
import SquashFS

/// What goes to standard error: messages for people. Results go to standard output.
struct Messages {
  var isQuiet = false
  var isVerbose = false

  /// Prints `autosquash: PATH: text`.
  static func write(_ path: [UInt8], _ text: String) {
    write(path.isEmpty ? text : "\(path.escapedName): \(text)")
  }

  /// Prints an error, with its file where it has one.
  static func write(_ error: any Error) {
    write((error as? SystemError)?.path ?? [], "\(error)")
  }

  static func write(_ text: String) {
    ProgressBar.clearLine()
    StandardError.write("autosquash: \(RawArguments.printable(text))\n")
  }

  func warn(_ path: [UInt8], _ text: String) {
    if !isQuiet { Self.write(path, "warning: \(text)") }
  }

  func note(_ path: [UInt8], _ text: String) {
    if !isQuiet { Self.write(path, text) }
  }

  func detail(_ text: String) {
    if isVerbose { Self.write(text) }
  }
}

/// Exit statuses, as diff(1) and cmp(1) use them.
enum ExitStatus {
  static let failed: Int32 = 1
  static let unreadableInput: Int32 = 2

  /// The status that an error stands for.
  static func of(_ error: any Error) -> Int32 {
    switch error {
    case let error as SourceError where [.unreadable, .changed].contains(error.code):
      unreadableInput
    case let error as ImageReadError
    where error.code != .damaged: unreadableInput
    default: failed
    }
  }
}
