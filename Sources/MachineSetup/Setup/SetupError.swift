package import Posix

/// Something on this machine that will not be touched, or cannot.
package struct SetupError: Error, CustomStringConvertible {
  /// The file; empty where none is meant.
  package var path: HostPath
  package var text: String

  package init(path: HostPath, text: String) {
    self.path = path
    self.text = text
  }

  package var description: String { path.isEmpty ? text : "\(path.escapedName): \(text)" }
}
