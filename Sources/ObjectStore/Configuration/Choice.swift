/// A setting that several places may give.
package struct Choice: Equatable, Sendable {
  package var value: String
  /// What gave it, for people: an option, a variable, a setting of a profile.
  package var source: String

  package init(value: String, source: String) {
    self.value = value
    self.source = source
  }
}
