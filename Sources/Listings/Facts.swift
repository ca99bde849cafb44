import Posix
package import Terminal

/// Named values, for people in lines and for programs in an object.
package struct Facts {
  private var rows: [(title: String, text: String, key: String, value: JSON)] = []

  /// - Parameters:
  ///   - title: what people read, `nil` where it is for programs only.
  ///   - key: what programs read, `nil` where it is for people only.
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

  /// A line for each.
  package var text: String {
    let shown = rows.filter { !$0.title.isEmpty }
    let width = shown.map(\.title.count).max() ?? 0
    return shown.map { row in
      row.title + String(repeating: " ", count: width + 2 - row.title.count) + row.text + "\n"
    }.joined()
  }

  /// An object.
  package var json: JSON {
    .object(rows.filter { !$0.key.isEmpty }.map { ($0.key, $0.value) })
  }
}
