/// The word that a user may have meant.
package enum Nearest {
  /// - Returns: the first of the nearest words; `nil` if none is near: up to half of the letters
  ///   may differ, and no more than two.
  package static func word(to typed: String, among words: [String]) -> String? {
    let limit = min(2, max(1, typed.count / 2))
    let found = words.map { (distance: distance($0, typed), word: $0) }
      .min { $0.distance < $1.distance }
    return found.flatMap { $0.distance <= limit ? $0.word : nil }
  }

  /// The number of letters to change, insert or remove between two words.
  private static func distance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (index, letter) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in second.indices {
        let changed = diagonal + (letter == second[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(changed, row[column] + 1, diagonal + 1)
      }
    }
    return row[second.count]
  }
}
