import FileTrees
import Posix
import SquashFS
import SquashFSFormat

/// The verification of one image.
struct VerifyJob {
  let image: [UInt8]
  let command: Verify
  private let start = Process.now

  init(image: [UInt8], command: Verify) {
    self.image = image
    self.command = command
  }

  /// - Returns: the exit status.
  func run() -> Int32 {
    do {
      let input = try ImageFile.input(image, offset: command.offset)
      var options = Verifier.Options()
      options.isQuick = command.quick
      options.maxFindings = command.maxFindings
      options.threads = Process.threadCount(command.threads)
      let verifier = Verifier(input, options: options)
      var state = ProgressBar.State(bytes: 0, fraction: 0)
      let progress =
        command.messages.quiet || !command.messages.progress.isShown
        ? nil : ProgressBar(title: image.escapedName) { state }
      verifier.onProgress = { fraction, bytes in
        state = ProgressBar.State(bytes: bytes, fraction: fraction)
        progress?.tick()
      }
      var report = try verifier.run()
      ProgressBar.clearLine()
      var compared: [[UInt8]] = []
      if report.isWhole || report.isOnlyUnmountable { compared = try compare(&report) }
      try print(report, input, compared)
      if report.errors > 0 { return ExitStatus.failed }
      return report.unreadable > 0 ? ExitStatus.unreadableInput : 0
    } catch {
      return fail(error)
    }
  }

  /// Compares the contents with the source and the manifest, where there are such.
  ///
  /// - Returns: what they were compared with.
  private func compare(_ report: inout Verifier.Report) throws -> [[UInt8]] {
    guard command.against != nil || command.manifest != nil else { return [] }
    var options = AnyTree.Options()
    options.threads = Process.threadCount(command.threads)
    options.offset = command.offset
    options.showsProgress = command.messages.progress.isShown && !command.messages.quiet
    let tree = try AnyTree(image, offset: command.offset).read(options)
    options.offset = "0"
    if let source = command.against?.bytes {
      options.assembly.ownership = try command.ownership.policy()
      options.assembly.selection = try command.selection.selection(readsFiles: true)
      options.warn = { if !command.messages.quiet { Messages.write(source, "warning: \($0)") } }
      let expected = try reading(source) {
        try AnyTree(source, readsSpecifications: true).read(options)
      }
      compare(tree, with: expected, source, &report)
    }
    if let path = command.manifest?.bytes {
      var reader = ManifestReader(path: path)
      let expected = try reading(path) { try reader.read() }
      compare(tree, with: expected, path, &report)
      if expected.unknown.contains(.content) {
        report.add(
          Finding(
            .unreadable, .difference,
            "\(path.escapedName) has no SHA-256 for some files: their contents could not be compared"
          ),
          limit: command.maxFindings)
      }
      try compareImage(with: reader, path, &report)
    }
    return [command.against?.bytes, command.manifest?.bytes].compactMap { $0 }
  }

  /// What could not be read to compare with.
  private struct OtherInput: Error {
    var path: [UInt8]
    var reason: any Error
  }

  private func reading<R>(_ path: [UInt8], _ body: () throws -> R) throws -> R {
    do { return try body() } catch { throw OtherInput(path: path, reason: error) }
  }

  private func compare(
    _ tree: DigestedTree, with expected: DigestedTree, _ source: [UInt8],
    _ report: inout Verifier.Report
  ) {
    let name = source.escapedName
    var onlyOwnersDiffer = true
    let count = TreeComparison(expected, tree).run { difference in
      onlyOwnersDiffer = onlyOwnersDiffer && difference.isOfOwnerOnly
      let text =
        switch difference.kind {
        case .removed: "missing: it is in \(name)"
        case .added: "not in \(name)"
        case .changed: "differs from \(name): \(difference.text)"
        }
      report.add(
        Finding(.error, .difference, path: difference.path, text), limit: command.maxFindings)
    }
    if count > 0 && onlyOwnersDiffer && command.against?.bytes == source
      && !command.messages.quiet
    {
      Messages.write(
        image, "only owners differ; was it packed with another --ownership? Give it here too.")
    }
  }

  /// The image's own digest tells of changes that no file shows.
  private func compareImage(
    with manifest: ManifestReader, _ path: [UInt8], _ report: inout Verifier.Report
  ) throws {
    guard let expected = manifest.imageDigest else { return }
    let (digest, size) = try SHA256.of(file: image)
    guard digest != expected else { return }
    let isSameSize = manifest.imageSize == nil || manifest.imageSize == size
    var text = "the image is not the one that \(path.escapedName) was written for: its SHA-256"
    text += isSameSize ? " is another" : " and size are others"
    if report.differences == 0 {
      text +=
        "; all its files are equal, so it was packed again, or bytes changed that hold no file"
    }
    report.add(Finding(.error, .difference, text), limit: command.maxFindings)
  }

  private func fail(_ error: any Error) -> Int32 {
    var status = ExitStatus.unreadableInput
    if let other = error as? OtherInput {
      _ = Messages.fail(other.path, other.reason)
    } else {
      status = max(status, Messages.fail(image, error))
    }
    if command.messages.json {
      Swift.print(
        JSON.object([
          ("image", .name(image)), ("whole", .boolean(false)), ("result", .string("not readable")),
          ("message", .string("\((error as? OtherInput)?.reason ?? error)")),
        ]).text)
    }
    return status
  }

  private func print(
    _ report: Verifier.Report, _ input: ImageInput, _ compared: [[UInt8]]
  ) throws {
    var output = StandardOutput()
    if command.messages.json {
      try output.write(json(report, compared).text + "\n")
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
      try output.write("\(image.escapedName): \(summary(report, input, compared))\n")
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

  private func summary(
    _ report: Verifier.Report, _ input: ImageInput, _ compared: [[UInt8]]
  ) -> String {
    let text = report.isWhole ? praise(report, input, compared) : blame(report)
    return "\(text), \((Process.now - start).asDuration)"
  }

  private func count(_ number: some BinaryInteger, _ one: String) -> String {
    "\(number.grouped) \(one)\(number == 1 ? "" : "s")"
  }

  private func praise(
    _ report: Verifier.Report, _ input: ImageInput, _ compared: [[UInt8]]
  ) -> String {
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

  private func blame(_ report: Verifier.Report) -> String {
    var text = verdict(report) + (report.errors > 0 ? ": \(count(report.errors, "error"))" : "")
    if report.unreadable > 0 {
      text += report.errors > 0 ? ", " : ": "
      text += "\(count(report.unreadable, "part")) not readable"
    }
    if report.differences == report.errors {
      // Everything can be read; it is other than it should be.
    } else if let salvage = report.salvage {
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

  private func verdict(_ report: Verifier.Report) -> String {
    if report.errors == 0 { return "NOT READABLE" }
    if report.errors > report.differences + report.mountErrors { return "DAMAGED" }
    if report.mountErrors == 0 { return "DIFFERENT" }
    return report.differences == 0 ? "WILL NOT MOUNT" : "WILL NOT MOUNT, AND DIFFERENT"
  }

  private func json(_ report: Verifier.Report, _ compared: [[UInt8]]) -> JSON {
    var members: [(String, JSON)] = [
      ("image", .name(image)), ("whole", .boolean(report.isWhole)),
      (
        "result",
        .string(report.isWhole ? "whole" : verdict(report).lowercased())
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
    members.append(("seconds", .number(Process.now - start)))
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
