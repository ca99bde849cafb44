import CCurl
import Glibc
import Posix

/// The library libcurl, which is loaded with the first request.
package enum Libcurl {
  /// Why it cannot be used; `nil` if it can.
  package static let fault: String? = {
    if let reason = ccurl_load() { return String(cString: reason) }
    guard curl_global_init(ccurl_global_default) == CURLE_OK else {
      return "it cannot be initialized"
    }
    // After OpenSSL's own handler, so that it runs before it.
    atexit { pthread_mutex_lock(Libcurl.gate) }
    return nil
  }()

  /// Held while libcurl works, and from the program's end on: there OpenSSL frees what a transfer
  /// still under way would use.
  nonisolated(unsafe) private static let gate: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }()

  /// Loads it unless it is loaded; no other function of libcurl may be called before.
  static func load() throws(HTTPError) {
    guard let fault else { return }
    throw HTTPError(
      .impossible,
      "URLs need libcurl, which cannot be loaded (\(fault)); on Debian, "
        + "\"apt-get install libcurl4\" installs it")
  }

  /// Calls `body`, which uses libcurl; never returns once the program is ending.
  static func use<R>(_ body: () -> R) -> R {
    pthread_mutex_lock(gate)
    defer { pthread_mutex_unlock(gate) }
    return body()
  }
}
