/// Reads XML as far as answers of stores use it: elements and text. Document types, which can
/// define entities, are refused.
package struct XMLScanner {
  /// The longest answer, in bytes: a thousand names of the greatest length, encoded, fit twice.
  package static let mostBytes = 8 << 20
  private static let mostElements = 100_000
  private static let mostDepth = 32

  private let bytes: [UInt8]
  private var position = 0
  /// The elements that are open, with their names as they stand there.
  private var open: [(name: ArraySlice<UInt8>, element: XMLElement)] = []
  private var root: XMLElement?
  private var elements = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The root element.
  ///
  /// - Throws: `StoreError` with the code `badAnswer` if it is not well-formed, or too large.
  package static func parse(_ bytes: [UInt8]) throws(StoreError) -> XMLElement {
    guard bytes.count <= mostBytes else { throw broken("it is too long") }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw broken("it is not UTF-8") }
    var scanner = XMLScanner(bytes)
    return try scanner.scan()
  }

  private static func broken(_ why: String) -> StoreError {
    StoreError(.badAnswer, "the server's XML cannot be read: \(why)")
  }

  private mutating func scan() throws(StoreError) -> XMLElement {
    if starts(with: "\u{feff}") { position += 3 }
    while position < bytes.count {
      if bytes[position] != UInt8(ascii: "<") {
        try text()
      } else if starts(with: "<!--") {
        _ = try take(upTo: "-->", after: 4)
      } else if starts(with: "<?") {
        _ = try take(upTo: "?>", after: 2)
      } else if starts(with: "<![CDATA["), !open.isEmpty {
        let text = try take(upTo: "]]>", after: 9)
        open[open.count - 1].element.text += text
      } else if starts(with: "<!") {
        throw Self.broken("it has a document type")
      } else if starts(with: "</") {
        try end()
      } else {
        try start()
      }
    }
    guard let root, open.isEmpty else { throw Self.broken("it is cut off") }
    return root
  }

  private func starts(with text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes[position...].starts(with: $0) }
  }

  /// Skips `count` bytes, and takes those up to a mark, which it skips too.
  private mutating func take(
    upTo mark: StaticString, after count: Int
  ) throws(StoreError) -> ArraySlice<UInt8> {
    position += count
    let start = position
    while position < bytes.count {
      if starts(with: mark) {
        defer { position += mark.utf8CodeUnitCount }
        return bytes[start..<position]
      }
      position += 1
    }
    throw Self.broken("it is cut off")
  }

  // MARK: Text

  private mutating func text() throws(StoreError) {
    let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
    guard !open.isEmpty else {
      guard bytes[position..<end].allSatisfy(Self.isSpace) else {
        throw Self.broken("there is text outside of its root")
      }
      position = end
      return
    }
    var text: [UInt8] = []
    while position < end {
      let plain = bytes[position..<end].prefix { $0 != UInt8(ascii: "&") }
      text += plain
      position = plain.endIndex
      if position < end { text += try entity() }
    }
    open[open.count - 1].element.text += text
  }

  /// The character of an entity: one of the five with names, or a numbered one.
  private mutating func entity() throws(StoreError) -> [UInt8] {
    let inside = bytes[(position + 1)...].prefix(10).prefix { $0 != UInt8(ascii: ";") }
    guard inside.endIndex < bytes.count, bytes[inside.endIndex] == UInt8(ascii: ";") else {
      throw Self.broken("an entity has no end")
    }
    position = inside.endIndex + 1
    let name = String(decoding: inside, as: UTF8.self)
    switch name {
    case "amp": return [UInt8(ascii: "&")]
    case "lt": return [UInt8(ascii: "<")]
    case "gt": return [UInt8(ascii: ">")]
    case "quot": return [UInt8(ascii: "\"")]
    case "apos": return [UInt8(ascii: "'")]
    default:
      let isHexadecimal = name.hasPrefix("#x")
      let digits = name.dropFirst(isHexadecimal ? 2 : 1)
      guard name.hasPrefix("#"), digits.first != "+",
        let number = UInt32(digits, radix: isHexadecimal ? 16 : 10), number > 0,
        let scalar = Unicode.Scalar(number)
      else { throw Self.broken("it has an entity that is not known") }
      return Array(String(scalar).utf8)
    }
  }

  // MARK: Tags

  private mutating func start() throws(StoreError) {
    position += 1
    let name = try self.name()
    elements += 1
    guard elements <= Self.mostElements, open.count < Self.mostDepth else {
      throw Self.broken("it has too many elements")
    }
    guard root == nil else { throw Self.broken("it has two roots") }
    let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[($0 + 1)...] } ?? name
    open.append((name, XMLElement(name: String(decoding: local, as: UTF8.self))))
    while true {
      let before = position
      skipSpace()
      if starts(with: "/>") {
        position += 2
        return close()
      }
      if starts(with: ">") {
        position += 1
        return
      }
      guard position > before else { throw Self.broken("a tag has no end") }
      try attribute()
    }
  }

  private mutating func attribute() throws(StoreError) {
    _ = try name()
    skipSpace()
    guard starts(with: "=") else { throw Self.broken("an attribute has no value") }
    position += 1
    skipSpace()
    guard position < bytes.count, bytes[position] == 0x22 || bytes[position] == 0x27 else {
      throw Self.broken("an attribute has no value")
    }
    let value = bytes[(position + 1)...].prefix { $0 != bytes[position] && $0 != 0x3c }
    guard value.endIndex < bytes.count, bytes[value.endIndex] == bytes[position] else {
      throw Self.broken("an attribute has no end")
    }
    position = value.endIndex + 1
  }

  private mutating func end() throws(StoreError) {
    position += 2
    let name = try self.name()
    skipSpace()
    guard starts(with: ">"), open.last?.name == name else {
      throw Self.broken("its tags do not match")
    }
    position += 1
    close()
  }

  private mutating func close() {
    let element = open.removeLast().element
    if open.isEmpty {
      root = element
    } else {
      open[open.count - 1].element.children.append(element)
    }
  }

  private mutating func name() throws(StoreError) -> ArraySlice<UInt8> {
    let name = bytes[position...].prefix { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."), 0x80...:
        true
      default: false
      }
    }
    guard !name.isEmpty, name.count <= 256 else { throw Self.broken("a name is empty or too long") }
    position = name.endIndex
    return name
  }

  private mutating func skipSpace() {
    position = bytes[position...].firstIndex { !Self.isSpace($0) } ?? bytes.count
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
  }
}
