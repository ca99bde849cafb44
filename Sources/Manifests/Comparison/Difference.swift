import Posix

/// A difference between two trees.
public struct Difference: Sendable {
  public enum Kind: Sendable {
    /// Only in the first tree.
    case removed
    /// Only in the second tree.
    case added
    /// In both trees, with different aspects.
    case changed([Change])
  }

  /// One aspect that differs.
  public struct Change: Sendable {
    public var aspect: Aspect
    /// The old and new value, for messages.
    public var text: String
    /// For a time: by how many seconds the second one is later.
    var shift: Int64?

    init(_ aspect: Aspect, _ text: String) {
      self.aspect = aspect
      self.text = text
    }
  }

  public var path: [UInt8]
  public var kind: Kind
  /// Whether it is a directory, in the second tree if it is in both.
  var isDirectory: Bool

  /// The changes on one line: "mode 0644 -> 0755, content".
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
  /// The number of entries in both trees.
  public internal(set) var inBoth = 0
  /// The number of those that differ.
  public private(set) var changed = 0
  /// The number of those that differ in their owner only.
  public private(set) var ofOwnerOnly = 0
  /// The number of entries in the first tree only.
  public private(set) var removed = 0
  /// The number of entries in the second tree only.
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
