import Posix
package import Terminal

/// Named values, as lines for people and as an object for programs.
package struct Facts {
  private var rows: [(title: String, text: String, key: String, value: JSON)] = []

  /// - Parameters:
  ///   - title: the label for people; `nil` if the value is for programs only.
  ///   - key: the key for programs; `nil` if the value is for people only.
  mutating func add(_ title: String?, _ text: String, _ key: String?, _ value: JSON) {
    rows.append((title ?? "", text, key ?? "", value))
  }

  mutating func add(_ title: String, _ key: String, _ count: some BinaryInteger) {
    add(title, count.grouped, key, JSON(count))
  }

  mutating func add(_ title: String, _ key: String, bytes: UInt64) {
    add(
      title, bytes < 1000 ? bytes.asBytes : "\(bytes.asBytes) (\(bytes.grouped) bytes)", key,
      JSON(bytes))
  }

  /// One line for each.
  package var text: String {
    let width = rows.reduce(0) { max($0, $1.title.utf8.count) }
    var text = ""
    for row in rows where !row.title.isEmpty {
      text += row.title
      for _ in row.title.utf8.count..<width + 2 { text += " " }
      text += row.text
      text += "\n"
    }
    return text
  }

  /// The JSON object.
  package var json: JSON {
    .object(rows.filter { !$0.key.isEmpty }.map { ($0.key, $0.value) })
  }
}
