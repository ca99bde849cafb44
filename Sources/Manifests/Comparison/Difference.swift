internal import Posix

/// A difference between two trees.
public struct Difference: Sendable {
  public enum Kind: Sendable {
    /// Only in the first tree.
    case removed
    /// Only in the second tree.
    case added
    /// In both, with these aspects that differ.
    case changed([Change])
  }

  /// One aspect that differs.
  public struct Change: Sendable {
    public var aspect: Aspect
    /// What it was and is, for people.
    public var text: String
    /// Of a time: by how many seconds the second is later.
    var shift: Int64?

    init(_ aspect: Aspect, _ text: String) {
      self.aspect = aspect
      self.text = text
    }
  }

  public var path: [UInt8]
  public var kind: Kind
  /// Whether it is a directory, in the second tree where it is in both.
  var isDirectory: Bool

  /// What differs, on one line: "mode 0644 -> 0755, content".
  public var text: String {
    switch kind {
    case .removed: "removed"
    case .added: "added"
    case .changed(let changes): changes.map(\.text).joined(separator: ", ")
    }
  }

  /// "- PATH", "+ PATH" or "~ PATH: TEXT".
  var line: String {
    switch kind {
    case .removed: "- \(name)"
    case .added: "+ \(name)"
    case .changed: "~ \(name): \(text)"
    }
  }

  private var name: String {
    if path.isEmpty { return "/" }
    if case .changed = kind { return path.escapedName }
    return path.escapedName + (isDirectory ? "/" : "")
  }
}

/// How many files and directories differ between two trees.
public struct DifferenceCounts: Sendable {
  /// The entries that both trees have.
  public internal(set) var inBoth = 0
  /// Those of them that differ.
  public private(set) var changed = 0
  /// Those whose owner is all that differs.
  public private(set) var ofOwnerOnly = 0
  /// The entries that only the first tree has.
  public private(set) var removed = 0
  /// The entries that only the second tree has.
  public private(set) var added = 0

  public var total: Int { changed + removed + added }

  mutating func add(_ difference: Difference) {
    switch difference.kind {
    case .removed: removed += 1
    case .added: added += 1
    case .changed(let changes):
      changed += 1
      if changes.allSatisfy({ $0.aspect == .owner }) { ofOwnerOnly += 1 }
    }
  }
}
