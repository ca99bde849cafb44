import FileTrees
import Manifests
import Posix
import SquashFS
import Terminal

/// The comparison of an image with its source or with a manifest.
struct VerifyComparison {
  /// What the image is compared with.
  let others: [[UInt8]]
  private let isManifest: Bool
  /// Whether the manifest was written for another image.
  var isOfOtherImage = false
  /// The number of files and directories that differ.
  private(set) var count = 0
  /// Where they are.
  private var places = ""
  /// The first lines that tell of them, and the number of all lines.
  private(set) var lines: [String] = []
  private(set) var lineCount = 0

  init(with others: [[UInt8]], isManifest: Bool) {
    self.others = others
    self.isManifest = isManifest
  }

  private var name: String { others.map(\.escapedName).joined(separator: " + ") }

  var isEqual: Bool { count == 0 && !isOfOtherImage }

  /// Compares an image's tree with the one that is expected, in the order of `diff IMAGE SOURCE`.
  func run(
    _ expected: DigestedTree, _ tree: DigestedTree, image: [UInt8], _ command: Verify,
    _ report: inout Verifier.Report
  ) -> VerifyComparison {
    var result = self
    let comparison = TreeComparison(tree, expected)
    if command.messages.json {
      result.count =
        comparison.run { difference in
          let text =
            switch difference.kind {
            case .removed: "not in \(name)"
            case .added: "missing: it is in \(name)"
            case .changed: "differs from \(name): \(difference.text)"
            }
          report.add(
            Finding(.error, .difference, path: difference.path, text), limit: command.maxFindings)
        }.total
      return result
    }
    var summary = DifferenceSummary(comparison)
    result.count = summary.counts.total
    func add(_ line: @autoclosure () -> String) {
      result.lineCount += 1
      if result.lines.count < command.maxFindings { result.lines.append(line()) }
    }
    for difference in summary.common { add(summary.line(difference) + advice(difference.aspect)) }
    summary.run { add($0) }
    result.places = summary.places(first: image.escapedName, second: name)
    report.count(differences: result.count)
    let onlyOwnersDiffer = result.count > 0 && summary.counts.ofOwnerOnly == result.count
    if onlyOwnersDiffer && summary.common.isEmpty && !isManifest && !command.messages.quiet {
      Messages.write(
        image,
        command.ownership.ownership == .root
          ? "only owners differ; was it packed with another --ownership? Give it here too."
          : "only owners differ: the files of the source belong to others")
    }
    return result
  }

  /// What was not given here as to pack, if all entries differ in it.
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

  /// "equal to x.tar", "differs from x.tar: 3 differences (3 only in x.tar)".
  var result: String {
    if isEqual { return "equal to \(name)" }
    if count == 0 { return "is not the image that \(name) was written for" }
    return "differs from \(name): \(count.counted("difference")) (\(places))"
  }
}
