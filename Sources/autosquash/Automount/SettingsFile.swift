import Automount
import Posix

/// The text of a configuration file, changed line by line.
struct SettingsFile {
  private(set) var text: String

  /// A new one: what was given, and all else as it holds without it.
  init(_ given: [(Configuration.Key, [UInt8])]) {
    text = """
      \(SetupFile.marker)
      #
      # Settings of autosquash; autosquash.conf(5) explains them. What is commented out here holds
      # as it stands.

      """
    for (key, value) in Self.defaults {
      text += "\n# \(key.rawValue) = \(value)\n"
    }
    for (key, value) in given { set(key, value) }
  }

  /// One that is there.
  init(parsing text: String) { self.text = text }

  /// Gives a key another value, in its place: the line that sets it, or the one that is commented
  /// out.
  mutating func set(_ key: Configuration.Key, _ value: [UInt8]) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    func sets(_ line: String, commented: Bool) -> Bool {
      var line = line.drop { $0 == " " || $0 == "\t" }
      if commented {
        guard line.hasPrefix("#") else { return false }
        line = line.dropFirst().drop { $0 == " " || $0 == "\t" }
      }
      let name = line.prefix { $0 != "=" && $0 != " " && $0 != "\t" }
      return name == key.rawValue && line.dropFirst(name.count).contains("=")
    }
    let line = "\(key.rawValue) = \(String(decoding: value, as: UTF8.self))"
    if let index = lines.firstIndex(where: { sets($0, commented: false) })
      ?? lines.firstIndex(where: { sets($0, commented: true) })
    {
      lines[index] = line
      text = lines.joined(separator: "\n")
    } else {
      text += (text.hasSuffix("\n") || text.isEmpty ? "" : "\n") + line + "\n"
    }
  }

  private static var defaults: [(Configuration.Key, String)] {
    let standard = Configuration()
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    return [
      (.images, text(standard.images)), (.mountRoot, text(standard.mountRoot)),
      (.suffixes, standard.suffixes.map(text).joined(separator: " ")), (.fstype, "auto"),
      (.options, text(standard.options)), (.timeout, "\(standard.idleTimeout)"),
      (.answerTimeout, "\(standard.answerTimeout)"), (.folders, "yes"), (.browse, "yes"),
      (.outsideLinks, "no"), (.state, text(standard.state)), (.overlay, text(standard.overlay)),
    ]
  }
}
