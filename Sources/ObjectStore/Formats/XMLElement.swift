/// An element of a server's answer: attributes are left out, and prefixes of names.
package struct XMLElement: Equatable, Sendable {
  package var name: String
  /// Its own text, without that of its children; valid UTF-8.
  package var text: [UInt8] = []
  package var children: [XMLElement] = []

  package var string: String { String(decoding: text, as: UTF8.self) }

  /// The first child of that name.
  package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  /// The children of that name.
  package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}
