import Glibc
import Posix

/// The configuration that AWS's programs share: `~/.aws/config` and `~/.aws/credentials`.
package struct SharedConfiguration: Sendable, CustomStringConvertible, CustomReflectable {
  /// The settings of each profile, by lower-case names. Settings in `credentials` go before those
  /// in `config`.
  private(set) var profiles: [String: [String: String]] = [:]
  private let config: HostPath
  private let credentials: HostPath

  /// The largest file, in bytes.
  static let mostBytes = 1 << 20

  /// Reads the files, which need not exist.
  ///
  /// - Throws: `StoreError` with the code `invalid` if one cannot be read or understood.
  package init(_ environment: StoreEnvironment) throws(StoreError) {
    config = environment.path(environment["AWS_CONFIG_FILE"] ?? "~/.aws/config")
    credentials = environment.path(
      environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "~/.aws/credentials")
    for (section, settings) in try Self.sections(of: config) {
      guard let name = Self.profile(ofSection: section) else { continue }
      profiles[name, default: [:]].merge(settings) { $1 }
    }
    for (section, settings) in try Self.sections(of: credentials) {
      profiles[section, default: [:]].merge(settings) { $1 }
    }
  }

  /// The profile that counts: a named one, that of AWS_PROFILE, or `default`.
  ///
  /// - Throws: `StoreError` if there is none of that name, unless nobody named it.
  package func profile(
    named option: String?, _ environment: StoreEnvironment
  ) throws(StoreError) -> Profile {
    let name = option ?? environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"]
    guard let name else {
      return Profile(name: "default", settings: profiles["default"] ?? [:])
    }
    return try profile(name)
  }

  func profile(_ name: String) throws(StoreError) -> Profile {
    guard let settings = profiles[name] else {
      throw StoreError(
        .invalid,
        "there is no profile \(Array(name.utf8).shellWord) in \(config.escapedName) or "
          + credentials.escapedName)
    }
    return Profile(name: name, settings: settings)
  }

  package var description: String { "\(profiles.count) profiles" }

  package var customMirror: Mirror { Mirror(self, children: []) }

  private static func sections(of path: HostPath) throws(StoreError) -> [INIFile.Section] {
    // AWS_CONFIG_FILE=/dev/null means none.
    if let status = stat(at: path), status.st_mode & S_IFMT == S_IFCHR { return [] }
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try SmallFile.read(path, limit: mostBytes)
    } catch {
      // A home folder of somebody else may be closed.
      if [ENOENT, ENOTDIR].contains(error.code) || error.code == EACCES && stat(at: path) == nil {
        return []
      }
      throw StoreError(.invalid, "\(path.escapedName): \(error)")
    }
    switch INIFile.parse(bytes) {
    case .success(let sections): return sections
    case .failure(let error):
      throw StoreError(.invalid, "\(path.escapedName): line \(error.line) \(error.problem)")
    }
  }

  /// The profile that a section of `config` describes; others are for other things.
  private static func profile(ofSection name: String) -> String? {
    if name == "default" { return name }
    guard let words = ShellWords.split(name), words.count == 2, words[0] == "profile" else {
      return nil
    }
    return words[1]
  }
}

/// Settings under a name.
package struct Profile: Sendable, CustomStringConvertible, CustomReflectable {
  package let name: String
  private let settings: [String: String]

  init(name: String, settings: [String: String]) {
    self.name = name
    self.settings = settings
  }

  /// A setting's value; an empty one counts as not set.
  package subscript(setting: String) -> String? {
    settings[setting].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether it has a setting whose name starts so.
  func hasSetting(startingWith prefix: String) -> Bool {
    settings.keys.contains { $0.hasPrefix(prefix) }
  }

  /// For messages.
  var title: String { "the profile \(Array(name.utf8).shellWord)" }

  package var description: String { title }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
