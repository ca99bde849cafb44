import Posix

/// The options of a mount, in the words of mount(8).
package struct MountOptions: Sendable {
  private var words: [[UInt8]] = []

  /// What a mount of an image always is.
  private static let own = ["ro", "default_permissions", "subtype=autosquash"]
  /// Words that libfuse and the kernel understand.
  private static let known: Set<String> = [
    "ro", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "async", "sync", "dirsync", "atime",
    "noatime", "diratime", "nodiratime", "allow_other", "allow_root", "default_permissions",
  ]
  /// Words for mount(8) and those who call it.
  private static let forOthers: Set<String> = [
    "defaults", "auto", "noauto", "user", "users", "nouser", "owner", "group", "_netdev", "nofail",
    "relatime", "norelatime", "strictatime", "lazytime", "nolazytime", "loop", "silent", "loud",
  ]
  private static let labels = ["context=", "fscontext=", "defcontext=", "rootcontext="]

  /// - Parameters:
  ///   - source: what the table of mounts shows as the image.
  ///   - lists: those given with `-o`, each of words between commas.
  /// - Throws: `MountError` for a word that a read-only image cannot have, or nobody knows.
  package init(
    source: [UInt8], allowsOthers: Bool, _ lists: [[UInt8]]
  ) throws(MountError) {
    words = Self.own.map { Array($0.utf8) } + [Array("fsname=".utf8) + source]
    if allowsOthers { words.append(Array("allow_other".utf8)) }
    for bytes in lists.flatMap({ $0.split(separator: UInt8(ascii: ",")) }).map({ Array($0) }) {
      let word = String(decoding: bytes, as: UTF8.self)
      switch word {
      case "rw": throw MountError(.refused, "images are read-only: \"-o rw\" is impossible")
      case _ where Self.forOthers.contains(word) || word.hasPrefix("x-"): continue
      case _ where Self.known.contains(word) || Self.labels.contains(where: word.hasPrefix):
        if !words.contains(bytes) { words.append(bytes) }
      default:
        throw MountError(.refused, "unknown mount option \"\(bytes.escapedName)\"")
      }
    }
  }

  /// The words in one list, with commas and backslashes in them escaped.
  var text: [UInt8] {
    let escaped = words.map { word in
      word.flatMap { byte -> [UInt8] in
        let isSpecial = byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\\")
        return isSpecial ? [UInt8(ascii: "\\"), byte] : [byte]
      }
    }
    return Array(escaped.joined(separator: [UInt8(ascii: ",")]))
  }
}
