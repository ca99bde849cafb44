import FileTrees
import Manifests
import Posix
import SquashFS

/// The comparison of an image with its source or with a manifest.
package struct ContentComparison {
  /// The paths it is compared with.
  package let others: [[UInt8]]
  private let isManifest: Bool
  /// Whether the manifest was written for another image.
  var isOfOtherImage = false
  /// The number of files and directories with differences.
  package private(set) var count = 0
  /// Where the differences are.
  private var places = ""
  /// The first lines about them, and the number of all lines.
  package private(set) var lines: [String] = []
  package private(set) var lineCount = 0
  /// Whether nearly all entries have the same difference in owner, and no other differences exist.
  private(set) var onlyOwnersDiffer = false

  init(with others: [[UInt8]], isManifest: Bool) {
    self.others = others
    self.isManifest = isManifest
  }

  private var name: String { others.map(\.escapedName).joined(separator: " + ") }

  /// Whether nothing differs.
  package var isEqual: Bool { count == 0 && !isOfOtherImage }

  /// Compares an image's tree with the expected one, in the order of `diff IMAGE SOURCE`.
  ///
  /// - Parameters:
  ///   - findsAll: whether each difference becomes a finding.
  ///   - limit: the number of findings, or lines, to keep.
  mutating func run(
    _ expected: DigestedTree, _ tree: DigestedTree, image: [UInt8], findsAll: Bool, limit: Int,
    _ report: inout Verifier.Report
  ) {
    let comparison = TreeComparison(tree, expected)
    if findsAll {
      count =
        comparison.run { difference in
          let text =
            switch difference.kind {
            case .removed: "not in \(name)"
            case .added: "missing: it is in \(name)"
            case .changed: "differs from \(name): \(difference.text)"
            }
          report.add(
            Finding(.error, .difference, path: difference.path, text), limit: limit)
        }.total
      return
    }
    var summary = DifferenceSummary(comparison)
    count = summary.counts.total
    func add(_ line: @autoclosure () -> String) {
      lineCount += 1
      if lines.count < limit { lines.append(line()) }
    }
    for difference in summary.common { add(summary.line(difference) + advice(difference.aspect)) }
    summary.run { add($0) }
    places = summary.places(first: image.escapedName, second: name)
    report.count(differences: count)
    onlyOwnersDiffer =
      count > 0 && summary.counts.ofOwnerOnly == count && summary.common.isEmpty
  }

  /// Which pack option may be missing here, if all entries differ in this aspect.
  private func advice(_ aspect: Aspect) -> String {
    let option: String
    switch aspect {
    case .owner: option = "--ownership"
    case .mode: option = "--chmod"
    case .mtime: option = "--mtime"
    case .xattrs: option = "--xattrs"
    default: return ""
    }
    return isManifest ? "" : " (was it packed with another \(option)? Give it here too)"
  }

  /// For example "equal to x.tar", "differs from x.tar: 3 differences (3 only in x.tar)".
  package var result: String {
    if isEqual { return "equal to \(name)" }
    if count == 0 { return "is not the image that \(name) was written for" }
    return "differs from \(name): \(count.counted("difference")) (\(places))"
  }
}
