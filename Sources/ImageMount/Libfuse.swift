import CFuse

/// The library libfuse, which is loaded for the first mount.
package enum Libfuse {
  /// Why it cannot be used; `nil` if it can.
  package static let fault: String? = cfuse_load().map { String(cString: $0) }

  /// Loads it unless it is loaded; nothing else in libfuse may be called before.
  static func load() throws(MountError) {
    guard let fault else { return }
    throw MountError(
      .impossible,
      "mounting needs libfuse 3, which cannot be loaded (\(fault)); on Debian, "
        + "\"apt-get install fuse3\" installs it")
  }

  /// What it has complained about.
  static var messages: String? {
    let text = String(cString: cfuse_messages())
    return text.isEmpty ? nil : text
  }
}
