import Posix

/// Something on this machine that setup or refresh will not touch, or cannot.
struct SetupError: Error, CustomStringConvertible {
  /// The file; empty where none is meant.
  var path: HostPath
  var text: String

  var description: String { path.isEmpty ? text : "\(path.escapedName): \(text)" }
}
