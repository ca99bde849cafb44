import Glibc
public import Posix

extension Configuration {
  /// The maximum size of a configuration file in bytes.
  private static let byteLimit = 64 << 10

  /// The path of the current file: `AUTOSQUASH_CONFIG`, or the standard one.
  public static var path: HostPath {
    guard let named = getenv("AUTOSQUASH_CONFIG"), named[0] != 0 else { return standardPath }
    return HostPath([UInt8](cString: named))
  }

  /// Reads the current file.
  ///
  /// - Throws: `ConfigurationError` if it is missing or unreadable, and for the first wrong line.
  public static func load() throws(ConfigurationError) -> Configuration {
    try load(path)
  }

  /// Reads a file.
  public static func load(_ path: HostPath) throws(ConfigurationError) -> Configuration {
    try Configuration(parsing: try contents(of: path), path: path)
  }

  private static func contents(of path: HostPath) throws(ConfigurationError) -> [UInt8] {
    do throws(SystemError) {
      return try SmallFile.read(path, limit: byteLimit)
    } catch {
      let text =
        switch error.code {
        case ENOENT: "\(error); 'autosquash setup' writes one, AUTOSQUASH_CONFIG names another"
        case EFBIG, EINVAL: "not a configuration file, or larger than \(byteLimit) bytes"
        default: "\(error)"
        }
      throw ConfigurationError(path: path, text: text)
    }
  }

  /// Reads lines of the form `key = value`; a line that begins with `#` is a comment.
  ///
  /// - Parameter path: the file, for messages.
  public init(parsing bytes: [UInt8], path: HostPath) throws(ConfigurationError) {
    self.init()
    // The line of each key. The map runs this for every key: do not make an array of the lines,
    // because each new type of array costs some ten microseconds.
    var lines = [Int](repeating: 0, count: Key.allCases.count)
    var number = 0
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      let line = rest[..<end].trimmed
      rest = rest[end...].dropFirst()
      number += 1
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      if let problem = set(line, number, &lines) {
        throw ConfigurationError(path: path, line: number, text: problem)
      }
    }
    if images.bucket != nil, fileSystem != .automatic, fileSystem != .autosquash {
      throw ConfigurationError(
        path: path, text: "only 'fstype = autosquash' or auto mounts images from a bucket")
    }
    guard isMountedOnItself else { return }
    throw ConfigurationError(
      path: path,
      text:
        "mount-root \(mountRoot.escapedName) and images \(images.escapedName) must not be inside "
        + "each other: the mounts would hide the images")
  }

  /// Whether the images' folder and the mount root lie one inside the other.
  private var isMountedOnItself: Bool {
    guard let folder = images.folder else { return false }
    return folder.isAtOrBelow(mountRoot) || mountRoot.isAtOrBelow(folder)
  }

  /// Applies one line.
  ///
  /// - Returns: what is wrong with the line.
  private mutating func set(
    _ line: ArraySlice<UInt8>, _ number: Int, _ lines: inout [Int]
  ) -> String? {
    guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
      return "no '=' in this line; settings read 'key = value', comments begin with '#'"
    }
    let name = line[..<equals].trimmed
    guard let index = Key.allCases.firstIndex(where: { $0.rawValue.utf8.elementsEqual(name) })
    else {
      let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
      return "unknown key '\(name.escapedName)'; valid keys: \(known)"
    }
    let key = Key.allCases[index]
    guard lines[index] == 0 else {
      return "'\(key.rawValue)' is already set in line \(lines[index]); remove one of them"
    }
    lines[index] = number
    return set(key, Array(line[(equals + 1)...].trimmed)).map { "\(key.rawValue): \($0)" }
  }

  /// The keys of the file.
  public enum Key: String, CaseIterable, Sendable {
    case images
    case mountRoot = "mount-root"
    case suffixes
    case fstype
    case options
    case timeout
    case answerTimeout = "answer-timeout"
    case folders
    case browse
    case outsideLinks = "outside-links"
    case state
    case overlay
    case endpoint = "endpoint-url"
    case region
    case profile
    case caBundle = "ca-bundle"
    case signs = "sign-requests"
    case cache
    case cacheSize = "cache-size"
  }

  /// Sets a value.
  ///
  /// - Returns: what is wrong with the value; `nil` if it was set.
  public mutating func set(_ key: Key, _ value: [UInt8]) -> String? {
    switch key {
    case .images: setImages(value)
    case .mountRoot: Self.path(value, into: &mountRoot)
    case .state: setState(value)
    case .overlay: Self.path(value, into: &overlay)
    case .timeout: Self.number(value, 1...1_000_000, into: &idleTimeout)
    case .answerTimeout: Self.number(value, 1...3600, into: &answerTimeout)
    case .folders: Self.truth(value, into: &folders)
    case .browse: Self.truth(value, into: &browse)
    case .outsideLinks: Self.truth(value, into: &outsideLinks)
    case .suffixes: setSuffixes(value)
    case .fstype: setFileSystem(value)
    case .options: setOptions(value)
    case .endpoint: setEndpoint(value)
    case .region: Self.word(value, into: &bucket.region)
    case .profile: Self.word(value, into: &bucket.profile)
    case .caBundle: Self.path(value, into: &bucket.caBundle)
    case .signs: Self.truth(value, into: &bucket.signs)
    case .cache: setCache(value)
    case .cacheSize: Self.word(value, into: &bucket.cacheSize)
    }
  }

  private mutating func setImages(_ value: [UInt8]) -> String? {
    if value.starts(with: BucketFolder.scheme) {
      guard let folder = BucketFolder(value) else {
        return "must be s3://BUCKET/FOLDER, without empty parts"
      }
      images = .bucket(folder)
      return nil
    }
    var path = HostPath.root
    if let problem = Self.path(value, into: &path) { return problem }
    images = .folder(path)
    return nil
  }

  private mutating func setEndpoint(_ value: [UInt8]) -> String? {
    guard value.starts(with: "https://".utf8) || value.starts(with: "http://".utf8) else {
      return "must begin with https:// or http://"
    }
    return Self.word(value, into: &bucket.endpoint)
  }

  private mutating func setCache(_ value: [UInt8]) -> String? {
    guard !value.elementsEqual("none".utf8) else {
      bucket.cache = value
      return nil
    }
    return Self.path(value, into: &bucket.cache)
  }

  private static func path(_ value: [UInt8], into bytes: inout [UInt8]?) -> String? {
    var path = HostPath.root
    if let problem = Self.path(value, into: &path) { return problem }
    bytes = path.bytes
    return nil
  }

  private static func word(_ value: [UInt8], into word: inout [UInt8]?) -> String? {
    guard !value.isEmpty, !value.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
      return "must be one word"
    }
    word = value
    return nil
  }

  private static func path(_ value: [UInt8], into path: inout HostPath) -> String? {
    guard value.isAbsolutePath else { return "must be a path that begins with '/'" }
    guard value.count < Int(PATH_MAX) - 256 else { return "the path is too long" }
    // autofs could not pass on these two.
    guard !value.contains(where: { $0 == UInt8(ascii: "\"") || $0 < 0x20 }) else {
      return "the path must not contain quotation marks or control characters"
    }
    var clean: [UInt8] = []
    clean.reserveCapacity(value.count)
    // No array of parts: see `init(parsing:path:)`.
    var rest = value[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: pathSeparator) ?? rest.endIndex
      let part = rest[..<end]
      rest = rest[end...].dropFirst()
      if part.isEmpty { continue }
      guard !part.elementsEqual("..".utf8), !part.elementsEqual(".".utf8) else {
        return "the path must not contain '.' or '..'"
      }
      clean.append(pathSeparator)
      clean += part
    }
    guard !clean.isEmpty else { return "must not be the root of the file system" }
    path = HostPath(clean)
    return nil
  }

  /// Sets the state folder, whose path appears in autofs's maps where it cannot be quoted.
  private mutating func setState(_ value: [UInt8]) -> String? {
    var path = HostPath.root
    if let problem = Self.path(value, into: &path) { return problem }
    guard MapEntry.isPlain(path) else {
      return "autofs takes only letters, digits and ._-+ in this path"
    }
    state = path
    return nil
  }

  private static func number(
    _ value: [UInt8], _ range: ClosedRange<Int>, into number: inout Int
  ) -> String? {
    guard let parsed = Int(String(decoding: value, as: UTF8.self)), range.contains(parsed) else {
      return "must be a number of seconds from \(range.lowerBound) to \(range.upperBound)"
    }
    number = parsed
    return nil
  }

  private static func truth(_ value: [UInt8], into truth: inout Bool) -> String? {
    switch String(decoding: value, as: UTF8.self) {
    case "yes": truth = true
    case "no": truth = false
    default: return "must be 'yes' or 'no'"
    }
    return nil
  }

  private mutating func setSuffixes(_ value: [UInt8]) -> String? {
    let all = value.split(whereSeparator: \.isBlank).map { Array($0) }
    guard !all.isEmpty else { return "needs at least one, such as .squash" }
    for suffix in all {
      guard suffix.first == UInt8(ascii: "."), suffix.count > 1, suffix.count <= 64,
        !suffix.contains(where: { $0 == pathSeparator || $0 < 0x20 })
      else { return "'\(suffix.escapedName)' must begin with '.' and must not be a path" }
    }
    suffixes = all
    return nil
  }

  private mutating func setFileSystem(_ value: [UInt8]) -> String? {
    switch String(decoding: value, as: UTF8.self) {
    case "auto": fileSystem = .automatic
    case "squashfs": fileSystem = .squashfs
    case "autosquash": fileSystem = .autosquash
    case "fuse.squashfuse", "fuse.squashfuse_ll": fileSystem = .fuse(value)
    default: return "must be auto, squashfs, autosquash, fuse.squashfuse or fuse.squashfuse_ll"
    }
    return nil
  }

  private mutating func setOptions(_ value: [UInt8]) -> String? {
    for option in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let name = option.prefix { $0 != UInt8(ascii: "=") }
      guard !name.isEmpty else { return "an empty option; write them as 'ro,nosuid,nodev'" }
      if name.elementsEqual("loop".utf8) || name.elementsEqual("fstype".utf8) {
        return "'\(name.escapedName)' does not belong here; the key fstype says how to mount"
      }
      // autofs takes other characters for the end of the options, or expands them.
      guard option.allSatisfy({ $0.isWordByte || "=.:@%/+-".utf8.contains($0) }) else {
        return "'\(option.escapedName)' has a character that autofs does not allow"
      }
    }
    options = value
    return nil
  }
}

extension UInt8 {
  fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0d }

  fileprivate var isWordByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var trimmed: ArraySlice<UInt8> {
    var slice = drop(while: \.isBlank)
    while slice.last?.isBlank == true { slice.removeLast() }
    return slice
  }
}
