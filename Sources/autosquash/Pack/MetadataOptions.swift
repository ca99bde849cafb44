import ArgumentParser
import FileTrees
import Posix

/// The modes, times and extended attributes of entries.
struct MetadataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Change permissions as chmod(1) does: a+rX lets everybody read; the umask does not matter.",
      valueName: "mode"))
  var chmod: String?

  @Option(
    help: ArgumentHelp(
      "Give everything this time: 2026-01-31, 2026-01-31T12:00:00Z or @SECONDS; UTC if no zone.",
      valueName: "date"))
  var mtime: String?

  @Option(help: ArgumentHelp("Give newer files this time.", valueName: "date"))
  var clampMtime: String?

  @OptionGroup var xattrs: XattrOptions

  /// Applies the given values to the options of an assembly.
  ///
  /// - Throws: `ValidationError`.
  func apply(to options: inout TreeAssembler.Options) throws {
    if let chmod {
      guard let change = ModeChange(parsing: chmod) else {
        throw ValidationError(
          "'\(chmod)' is not a mode; use one that chmod(1) takes, such as a+rX, u=rwX,go=rX or 755."
        )
      }
      options.modes = change
    }
    if mtime != nil && clampMtime != nil {
      throw ValidationError("--mtime sets all times, --clamp-mtime the newer ones; give one.")
    }
    if let mtime { options.times = .fixed(try Self.seconds(mtime, "--mtime")) }
    if let clampMtime { options.times = .notAfter(try Self.seconds(clampMtime, "--clamp-mtime")) }
    options.xattrs = try xattrs.policy()
  }

  private static func seconds(_ text: String, _ option: String) throws -> Int64 {
    guard let seconds = TimePolicy.seconds(of: text) else {
      throw ValidationError(
        "'\(text)' is not a date for \(option); give 2026-01-31, 2026-01-31T12:00:00Z or @SECONDS.")
    }
    guard (0...Int64(UInt32.max)).contains(seconds) else {
      throw ValidationError("\(option) takes a time from 1970 to 2106, which an image can hold.")
    }
    return seconds
  }
}

/// Which extended attributes to keep.
struct XattrOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Extended attributes to take: all, none, or patterns of their names, such as \
      user.*,security.capability. (default: all but security.selinux, user.xdg.* and com.apple.*)
      """, valueName: "all|none|glob,..."))
  var xattrs: ByteArgument?

  func policy() throws -> XattrPolicy {
    guard let xattrs else { return .usual }
    guard let policy = XattrPolicy(parsing: xattrs.bytes) else {
      throw ValidationError("--xattrs takes all, none, or patterns of names.")
    }
    if case .only(let patterns) = policy { try patterns.map(\.pattern).forEach(Self.check) }
    return policy
  }

  /// Makes sure that a pattern can match a name, all of which have a dot.
  private static func check(_ pattern: [UInt8]) throws {
    guard !pattern.contains(where: ".*?[".utf8.contains) else { return }
    let word = String(decoding: pattern, as: UTF8.self)
    let advice =
      switch word.lowercased() {
      case "all": "--xattrs all takes all"
      case "none": "--xattrs none takes none"
      default: "give all, none or patterns such as user.*"
      }
    throw ValidationError("'\(pattern.escapedName)' matches no extended attribute; \(advice).")
  }
}
