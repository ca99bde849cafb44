internal import Glibc

/// Standard error, unbuffered.
public enum StandardError {
  /// Writes all of `text`, as far as anybody listens.
  public static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = retryingInterrupts {
          Glibc.write(STDERR_FILENO, bytes.baseAddress! + done, bytes.count - done)
        }
        guard count > 0 else { return }
        done += count
      }
    }
  }
}
