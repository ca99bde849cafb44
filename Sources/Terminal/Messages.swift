package import Posix

/// Messages for people, on standard error. Results go to standard output.
package struct Messages: Sendable {
  /// Whether only errors are printed.
  package var isQuiet: Bool
  /// Whether details are printed too.
  package var isVerbose: Bool

  package init(isQuiet: Bool = false, isVerbose: Bool = false) {
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
  }

  /// Prints `autosquash: PATH: text`.
  package static func write(_ path: [UInt8], _ text: String) {
    write(path.isEmpty ? text : "\(path.escapedName): \(text)")
  }

  /// Prints `autosquash: PATH: text`.
  package static func write(_ path: some ByteString, _ text: String) { write(path.bytes, text) }

  /// Prints an error, with its file if it has one.
  package static func write(_ error: any Error) {
    write((error as? SystemError)?.path ?? [], "\(error)")
  }

  /// Prints `autosquash: text`.
  package static func write(_ text: String) {
    ProgressBar.clearLine()
    StandardError.write("autosquash: \(RawArguments.printable(text))\n")
  }

  /// Prints a warning about a file.
  package func warn(_ path: [UInt8], _ text: String) {
    if !isQuiet { Self.write(path, "warning: \(text)") }
  }

  /// Prints what was done with a file.
  package func note(_ path: [UInt8], _ text: String) {
    if !isQuiet { Self.write(path, text) }
  }

  /// Prints details that few people want.
  package func detail(_ text: String) {
    if isVerbose { Self.write(text) }
  }
}
