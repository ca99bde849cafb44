import Posix

/// Why an image cannot be mounted, or a mount not ended.
package struct MountError: Error, CustomStringConvertible {
  package enum Code: Sendable {
    /// The system, or the user's rights on it, do not allow it.
    case impossible
    /// The folder or the options do not allow it.
    case refused
    /// Programs use the mount.
    case busy
  }

  package var code: Code
  package var description: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    description = message
  }

  /// The error for what fusermount3 and libfuse have printed.
  static func explaining(_ output: [UInt8], _ action: String = "mount") -> MountError {
    let lines = output.split(separator: UInt8(ascii: "\n")).map { line in
      var line = Array(line)
      for prefix in ["fusermount3: ", "fuse: "] where line.starts(with: prefix.utf8) {
        line.removeFirst(prefix.utf8.count)
      }
      return line.escapedName
    }
    guard let first = lines.first else {
      return MountError(.impossible, "cannot \(action), for an unknown reason")
    }
    if lines.contains(where: { $0.contains("user_allow_other") }) {
      return MountError(
        .impossible,
        "--allow-other needs the line \"user_allow_other\" in /etc/fuse.conf")
    }
    return MountError(.impossible, "cannot \(action): \(first)")
  }
}
