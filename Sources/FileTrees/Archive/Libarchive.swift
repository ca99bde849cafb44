import CLibArchive
import Glibc

/// The library libarchive, which is loaded when the first archive is opened.
package enum Libarchive {
  /// Why it cannot be loaded.
  private static let fault: String? = {
    // Names are UTF-8 or raw bytes in any user's locale, but libarchive asks the C library.
    setlocale(LC_CTYPE, "C.UTF-8")
    return carchive_load().map { String(cString: $0) }
  }()

  /// Loads it unless it is loaded; nothing else in libarchive may be called before.
  ///
  /// - Parameter path: the archive to open, for the error.
  /// - Throws: `SourceError` if it cannot be loaded.
  package static func load(for path: [UInt8]) throws {
    guard let fault else { return }
    guard hasRoom else {
      throw SourceError(.unreadable, path: path, "not enough memory to load libarchive")
    }
    throw SourceError(
      .unreadable, path: path, "archives need libarchive, which cannot be loaded (\(fault))",
      hint: "on Debian, \"apt-get install libarchive13\" installs it")
  }

  /// Whether a limit (ulimit -v) leaves the addresses that libarchive and its libraries take; the
  /// dynamic linker does not say so.
  private static var hasRoom: Bool {
    let size = 64 << 20
    let room = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard room != MAP_FAILED else { return false }
    munmap(room, size)
    return true
  }
}
