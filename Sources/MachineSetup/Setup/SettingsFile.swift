import Automount
import Posix

/// The text of a configuration file, edited line by line.
struct SettingsFile {
  private(set) var text: [UInt8]

  /// A new file: the given settings, and the defaults of all others.
  init(_ given: [(Configuration.Key, [UInt8])]) {
    var text = """
      \(SetupFile.marker)
      #
      # Settings of autosquash; autosquash.conf(5) explains them. Lines that are commented out
      # here show the defaults.

      """
    for (key, value) in Self.defaults { text += "\n# \(key.rawValue) = \(value)\n" }
    self.text = Array(text.utf8)
    for (key, value) in given { set(key, value) }
  }

  /// An existing file.
  init(parsing text: [UInt8]) { self.text = text }

  /// Changes a key's value in place: on the line that sets it, or the line where it is commented
  /// out.
  mutating func set(_ key: Configuration.Key, _ value: [UInt8]) {
    let newline = UInt8(ascii: "\n")
    var lines = text.split(separator: newline, omittingEmptySubsequences: false)
    let line = Array("\(key.rawValue) = ".utf8) + value
    if let index = lines.firstIndex(where: { Self.sets(key, $0) })
      ?? lines.firstIndex(where: { Self.sets(key, $0, commented: true) })
    {
      let isDOS = lines[index].last == UInt8(ascii: "\r")
      lines[index] = (isDOS ? line + [UInt8(ascii: "\r")] : line)[...]
      text = Array(lines.joined(separator: [newline]))
    } else {
      text += (text.isEmpty || text.last == newline ? [] : [newline]) + line + [newline]
    }
  }

  private static func sets(
    _ key: Configuration.Key, _ line: ArraySlice<UInt8>, commented: Bool = false
  ) -> Bool {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var line = line.drop(while: isBlank)
    if commented {
      guard line.popFirst() == UInt8(ascii: "#") else { return false }
      line = line.drop(while: isBlank)
    }
    let name = line.prefix { $0 != UInt8(ascii: "=") && !isBlank($0) }
    return name.elementsEqual(key.rawValue.utf8)
      && line.dropFirst(name.count).drop(while: isBlank).first == UInt8(ascii: "=")
  }

  private static var defaults: [(Configuration.Key, String)] {
    let standard = Configuration()
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    return [
      (.images, text(standard.images.bytes)), (.mountRoot, text(standard.mountRoot.bytes)),
      (.suffixes, standard.suffixes.map(text).joined(separator: " ")), (.fstype, "auto"),
      (.options, text(standard.options)), (.timeout, "\(standard.idleTimeout)"),
      (.answerTimeout, "\(standard.answerTimeout)"), (.folders, "yes"), (.browse, "yes"),
      (.outsideLinks, "no"), (.state, text(standard.state.bytes)),
      (.overlay, text(standard.overlay.bytes)),
    ]
  }
}
