import FileTrees
import Manifests
import Posix
import Terminal

/// All differences between two trees for programs: an array with an object for each path.
struct DifferenceJSON {
  private let comparison: TreeComparison

  init(_ comparison: TreeComparison) { self.comparison = comparison }

  /// - Returns: whether there are any.
  func write(to output: inout StandardOutput) throws -> Bool {
    var isFirst = true
    try output.write("[")
    try comparison.run { difference in
      try output.write(isFirst ? "\n" : ",\n")
      try output.write(difference.json.text)
      isFirst = false
    }
    try output.write(isFirst ? "]\n" : "\n]\n")
    return !isFirst
  }
}

extension Difference {
  fileprivate var json: JSON {
    var members: [(String, JSON)] = [("path", .name(path))]
    switch kind {
    case .removed: members.append(("change", .string("removed")))
    case .added: members.append(("change", .string("added")))
    case .changed(let changes):
      members.append(("change", .string("changed")))
      members.append(("aspects", .array(changes.map { .string($0.aspect.rawValue) })))
      members.append(("text", .string(text)))
    }
    return .object(members)
  }
}
