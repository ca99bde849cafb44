import FileTrees
import Manifests
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import Verification

/// Prints the result of a verification.
struct VerifyReport {
  let image: [UInt8]
  let command: Verify
  let report: Verifier.Report
  /// The comparisons of the contents.
  let compared: [ContentComparison]

  func print(seconds: Double) throws {
    var output = StandardOutput()
    if command.messages.json {
      try output.write(line: json(seconds))
      return try output.flush()
    }
    let isQuiet = command.messages.quiet
    let shown = report.findings.filter { !isQuiet || $0.severity >= .error }
    for finding in shown { try output.write(line(finding)) }
    let differences = compared.flatMap(\.lines).prefix(max(0, command.maxFindings - shown.count))
    for difference in differences { try output.write("\(image.escapedName): \(difference)\n") }
    let total =
      report.errors + report.unreadable + (isQuiet ? 0 : report.warnings + report.notes)
      - compared.reduce(0) { $0 + $1.count - $1.lineCount }
    let left = total - shown.count - differences.count
    if left > 0 {
      try output.write(
        "\(image.escapedName): \(left.counted("more finding")); "
          + "--max-findings \(total) shows all\n")
    }
    if !command.messages.quiet || !report.isWhole {
      try output.write("\(image.escapedName): \(summary), \(seconds.asDuration)\n")
    }
    try output.flush()
  }

  private func line(_ finding: Finding) -> String {
    var text = "\(image.escapedName): "
    // A difference is not a fault in itself.
    let isDifference = finding.kind == .difference && finding.severity == .error
    if !isDifference { text += "\(finding.severity.rawValue): " }
    text += finding.kind.rawValue
    if let offset = finding.offset { text += " at byte \(offset)" }
    if let path = finding.path { text += ": \(path.isEmpty ? "/" : path.escapedName)" }
    if finding.otherFiles > 0 {
      text += finding.otherFiles == 1 ? " and 1 other" : " and \(finding.otherFiles.grouped) others"
    }
    return text + ": \(finding.message)\n"
  }

  /// Whether nothing is wrong with the image itself, regardless of differences.
  private var isImageWhole: Bool {
    report.errors == report.differences && report.unreadable == 0
  }

  private var summary: String {
    if report.isWhole { return wholeness }
    return isImageWhole ? "whole\(comparisons)" : damage
  }

  /// For example ", equal to x.tar, but differs from x.mtree: …".
  private var comparisons: String {
    let equal = compared.filter(\.isEqual).map { ", and \($0.result)" }
    let different = compared.filter { !$0.isEqual }.map(\.result)
    return equal.joined()
      + (different.isEmpty ? "" : ", but \(different.joined(separator: ", and "))")
  }

  private var wholeness: String {
    let contents = report.contents
    var text = command.quick ? "whole, as far as its tables tell" : "whole"
    text += "\(comparisons): \(report.inodes.asFilesAndDirectories)"
    if !command.quick {
      text += ", \(contents.plainBytes.asBytes) unpacked"
    }
    if report.warnings > 0 { text += ", \(report.warnings.counted("warning"))" }
    return command.verbose ? text + details : text
  }

  /// Details for the curious; they require no action.
  private var details: String {
    let contents = report.contents
    var text = command.quick ? "" : "; \(contents.blocks.counted("block"))"
    if contents.unproven > 0 && compared.isEmpty {
      text += ", \(contents.unproven.grouped) of them without a checksum, "
      text += "which --manifest or --against would prove"
    }
    if !report.kernelOptions.isEmpty {
      text += "; needs \(report.kernelOptions.joined(separator: " and "))"
    }
    return text
  }

  private var damage: String {
    let errors = report.errors - report.differences
    var text = verdict + (errors > 0 ? ": \(errors.counted("error"))" : "")
    if report.unreadable > 0 {
      text += errors > 0 ? ", " : ": "
      text += "\(report.unreadable.counted("part")) not readable"
    }
    if report.isNoImage || report.isForeign || report.differences == report.errors {
      // There is nothing to read, or everything is readable but other than it should be.
    } else if let salvage = report.salvage, salvage.files > 0 {
      text += "; \(salvage.readableFiles.grouped) of \(salvage.files.counted("file"))"
      text += salvage.isPartial ? " that can be found" : ""
      text += report.contents.blocks == 0 ? " might be read" : " can still be read"
      text += " (\(salvage.readableBytes.asBytes) of \(salvage.bytes.asBytes))"
      if !report.isOnlyUnmountable && salvage.readableFiles > 0 {
        text += " with extract --keep-going"
      }
    } else {
      text += "; nothing in it can be read"
    }
    for comparison in compared where !comparison.isEqual { text += "; \(comparison.result)" }
    return text
  }

  private var verdict: String {
    if report.errors == 0 { return "NOT READABLE" }
    if report.isNoImage { return "NOT AN IMAGE" }
    if report.isForeign { return "WILL NOT MOUNT" }
    if report.errors > report.differences + report.mountErrors { return "DAMAGED" }
    if report.mountErrors == 0 { return "DIFFERENT" }
    return report.differences == 0 ? "WILL NOT MOUNT" : "WILL NOT MOUNT, AND DIFFERENT"
  }

  private func json(_ seconds: Double) -> JSON {
    var members: [(String, JSON)] = [
      ("image", .name(image)), ("whole", .boolean(isImageWhole)),
      (
        "result",
        .string(report.isWhole ? "whole" : verdict.lowercased())
      ),
      ("quick", .boolean(command.quick)),
      ("errors", JSON(report.errors - report.differences)),
      ("unreadable", JSON(report.unreadable)),
      ("warnings", JSON(report.warnings)), ("notes", JSON(report.notes)),
      ("inodes", JSON(report.inodes)), ("blocks", JSON(report.contents.blocks)),
      ("blocksWithoutChecksum", JSON(report.contents.unproven)),
      ("unpackedBytes", JSON(report.contents.plainBytes)),
      ("needs", JSON(report.kernelOptions)),
      ("comparedWith", .array(compared.flatMap(\.others).map { .name($0) })),
      ("differences", JSON(report.differences)),
      ("findings", .array(report.findings.map(json))),
    ]
    if let salvage = report.salvage {
      members.append(
        (
          "readable",
          [
            "files": JSON(salvage.readableFiles),
            "filesFound": JSON(salvage.files),
            "bytes": JSON(salvage.readableBytes), "bytesFound": JSON(salvage.bytes),
            "treeIsWhole": .boolean(!salvage.isPartial),
          ]
        ))
    }
    members.append(("seconds", .number(seconds)))
    return .object(members)
  }

  private func json(_ finding: Finding) -> JSON {
    var members: [(String, JSON)] = [
      ("severity", .string(finding.severity.rawValue)), ("kind", .string(finding.kind.rawValue)),
    ]
    if let offset = finding.offset { members.append(("offset", JSON(offset))) }
    if let path = finding.path { members.append(("path", .name(path))) }
    if finding.otherFiles > 0 {
      members.append(("otherFiles", JSON(finding.otherFiles)))
    }
    members.append(("message", .string(finding.message)))
    return .object(members)
  }
}
