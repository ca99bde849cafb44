import FileTrees
import Posix
import SquashFS
import SquashFSFormat

/// The words in which a verification's result is told.
struct VerifyReport {
  let image: [UInt8]
  let command: Verify
  let report: Verifier.Report
  /// What the contents were compared with.
  let compared: [[UInt8]]

  /// - Parameter input: the image.
  func print(_ input: ImageInput, seconds: Double) throws {
    var output = StandardOutput()
    if command.messages.json {
      try output.write(json(seconds).text + "\n")
      return try output.flush()
    }
    for finding in report.findings {
      if command.messages.quiet && finding.severity < .error { continue }
      try output.write(line(finding))
    }
    let total = report.errors + report.unreadable + report.warnings + report.notes
    if total > report.findings.count {
      let more = total - report.findings.count
      try output.write(
        "\(image.escapedName): \(more.grouped) more \(more == 1 ? "finding" : "findings"); "
          + "--max-findings \(total) shows all\n")
    }
    if !command.messages.quiet || !report.isWhole {
      try output.write("\(image.escapedName): \(summary(input)), \(seconds.asDuration)\n")
    }
    try output.flush()
  }

  private func line(_ finding: Finding) -> String {
    var text = "\(image.escapedName): \(finding.severity.rawValue): \(finding.kind.rawValue)"
    if let offset = finding.offset { text += " at byte \(offset)" }
    if let path = finding.path { text += ": \(path.isEmpty ? "/" : path.escapedName)" }
    if finding.otherFiles > 0 {
      text += finding.otherFiles == 1 ? " and 1 other" : " and \(finding.otherFiles.grouped) others"
    }
    return text + ": \(finding.message)\n"
  }

  private func summary(_ input: ImageInput) -> String {
    report.isWhole ? praise(input) : blame
  }

  private func count(_ number: some BinaryInteger, _ one: String) -> String {
    "\(number.grouped) \(one)\(number == 1 ? "" : "s")"
  }

  private func praise(_ input: ImageInput) -> String {
    let contents = report.contents
    var text = command.quick ? "whole, as far as its tables tell" : "whole"
    if !compared.isEmpty {
      text += ", and equal to \(compared.map(\.escapedName).joined(separator: " and "))"
    }
    text += ": \(count(report.inodes, "inode"))"
    if !command.quick {
      text += ", \(count(contents.blocks, "block")), \(contents.plainBytes.asBytes) unpacked"
    }
    if report.warnings > 0 { text += ", \(count(report.warnings, "warning"))" }
    if contents.unproven > 0 && compared.isEmpty {
      text += "; \(count(contents.unproven, "block")) without a checksum, "
      text += "which --manifest or --against would prove"
    }
    if let image = try? Image(input) {
      text += "; needs \(image.kernelOptions.joined(separator: " and "))"
    }
    return text
  }

  private var blame: String {
    var text = verdict + (report.errors > 0 ? ": \(count(report.errors, "error"))" : "")
    if report.unreadable > 0 {
      text += report.errors > 0 ? ", " : ": "
      text += "\(count(report.unreadable, "part")) not readable"
    }
    if report.isNoImage || report.differences == report.errors {
      // There is nothing to read, or everything can be read and is other than it should be.
    } else if let salvage = report.salvage, salvage.files > 0 {
      text += "; \(salvage.readableFiles.grouped) of \(count(salvage.files, "file"))"
      text += salvage.isPartial ? " that can be found" : ""
      text += report.contents.blocks == 0 ? " might be read" : " can still be read"
      text += " (\(salvage.readableBytes.asBytes) of \(salvage.bytes.asBytes))"
      if !report.isOnlyUnmountable && salvage.readableFiles > 0 {
        text += " with extract --keep-going"
      }
    } else {
      text += "; nothing in it can be read"
    }
    return text
  }

  private var verdict: String {
    if report.errors == 0 { return "NOT READABLE" }
    if report.isNoImage { return "NOT AN IMAGE" }
    if report.errors > report.differences + report.mountErrors { return "DAMAGED" }
    if report.mountErrors == 0 { return "DIFFERENT" }
    return report.differences == 0 ? "WILL NOT MOUNT" : "WILL NOT MOUNT, AND DIFFERENT"
  }

  private func json(_ seconds: Double) -> JSON {
    var members: [(String, JSON)] = [
      ("image", .name(image)), ("whole", .boolean(report.isWhole)),
      (
        "result",
        .string(report.isWhole ? "whole" : verdict.lowercased())
      ),
      ("quick", .boolean(command.quick)), ("errors", .integer(Int64(report.errors))),
      ("unreadable", .integer(Int64(report.unreadable))),
      ("warnings", .integer(Int64(report.warnings))), ("notes", .integer(Int64(report.notes))),
      ("inodes", .integer(report.inodes)), ("blocks", .integer(report.contents.blocks)),
      ("blocksWithoutChecksum", .integer(report.contents.unproven)),
      ("unpackedBytes", .integer(report.contents.plainBytes)),
      ("comparedWith", .array(compared.map { .name($0) })),
      ("findings", .array(report.findings.map(json))),
    ]
    if let salvage = report.salvage {
      members.append(
        (
          "readable",
          .object([
            ("files", .integer(Int64(salvage.readableFiles))),
            ("filesFound", .integer(Int64(salvage.files))),
            ("bytes", .integer(salvage.readableBytes)), ("bytesFound", .integer(salvage.bytes)),
            ("treeIsWhole", .boolean(!salvage.isPartial)),
          ])
        ))
    }
    members.append(("seconds", .number(seconds)))
    return .object(members)
  }

  private func json(_ finding: Finding) -> JSON {
    var members: [(String, JSON)] = [
      ("severity", .string(finding.severity.rawValue)), ("kind", .string(finding.kind.rawValue)),
    ]
    if let offset = finding.offset { members.append(("offset", .integer(offset))) }
    if let path = finding.path { members.append(("path", .name(path))) }
    if finding.otherFiles > 0 {
      members.append(("otherFiles", .integer(Int64(finding.otherFiles))))
    }
    members.append(("message", .string(finding.message)))
    return .object(members)
  }
}
