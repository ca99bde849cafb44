import Glibc

/// Standard error, unbuffered.
public enum StandardError {
  /// Writes all of `text` if anybody listens.
  public static func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = writeFully(STDERR_FILENO, UnsafeRawBufferPointer($0)) }
  }
}

/// The three descriptors that every program gets.
public enum StandardStreams {
  /// Opens what the caller closed, so that no file of ours gets its number and, with it, output
  /// meant for somebody else. Reading and writing then fail as they would on a closed descriptor;
  /// only messages are lost silently.
  public static func fill() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDWR),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one.
      _ = open("/dev/null", mode)
    }
  }
}
