package import Posix

/// Something on this machine that setup cannot change, or refuses to.
package struct SetupError: Error, CustomStringConvertible {
  /// The file; empty if it concerns none.
  package var path: HostPath
  package var text: String

  package init(path: HostPath, text: String) {
    self.path = path
    self.text = text
  }

  package var description: String { path.isEmpty ? text : "\(path.escapedName): \(text)" }
}
