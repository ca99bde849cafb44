/// Reads files of sections and settings as Python's configparser does, which AWS's programs use.
package enum INIFile {
  package typealias Section = (name: String, settings: [String: String])

  package struct Broken: Error, Equatable {
    /// From 1.
    var line: Int
    /// A verb phrase.
    var problem: String
  }

  /// The sections in their order; a name may come more than once.
  ///
  /// Indented lines belong to the setting before. They continue its value; if that is empty, they
  /// are settings of something else, such as the client's `s3`, and are left out.
  package static func parse(_ bytes: [UInt8]) -> Result<[Section], Broken> {
    var sections: [Section] = []
    /// The setting that indented lines belong to.
    var last: (name: String, depth: Int)?
    let text = bytes.starts(with: "\u{feff}".utf8) ? bytes.dropFirst(3) : bytes[...]
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      func broken(_ problem: String) -> Result<[Section], Broken> {
        .failure(Broken(line: index + 1, problem: problem))
      }
      guard let line = String(validating: bytes, as: UTF8.self) else {
        return broken("is not UTF-8")
      }
      let content = line.trimmed
      guard content.unicodeScalars.allSatisfy({ $0.value >= 0x20 || $0 == "\t" }) else {
        return broken("has control characters")
      }
      if content.isEmpty || content.hasPrefix("#") || content.hasPrefix(";") { continue }
      let depth = line.utf8.prefix { $0 == 0x20 || $0 == 0x09 }.count
      if let setting = last, depth > setting.depth {
        // An empty value means a list of other settings.
        if let value = sections[sections.count - 1].settings[setting.name], !value.isEmpty {
          sections[sections.count - 1].settings[setting.name] = "\(value)\n\(content)"
        }
        continue
      }
      if content.hasPrefix("[") {
        guard let end = content.lastIndex(of: "]") else { return broken("has no ']'") }
        let name = content[content.index(after: content.startIndex)..<end].trimmed
        guard !name.isEmpty else { return broken("names no section") }
        sections.append((name, [:]))
        last = nil
        continue
      }
      guard let mark = content.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
        return broken("is neither a section nor 'name = value'")
      }
      let name = content[..<mark].trimmed.lowercased()
      guard !name.isEmpty else { return broken("has no name before the '='") }
      guard !sections.isEmpty else { return broken("comes before the first section") }
      sections[sections.count - 1].settings[name] =
        content[content.index(after: mark)...].trimmed
      last = (name, depth)
    }
    return .success(sections)
  }
}

extension StringProtocol {
  /// Without spaces, tabs and carriage returns at both ends.
  fileprivate var trimmed: String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
    let bytes = Array(utf8)
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
      let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}
