import FileTrees
import Glibc
import Inputs
import Manifests
import Posix
import SquashFS
import SquashFSFormat
import Terminal

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
      let input = try command.offset.input(image)
      var options = Verifier.Options()
      options.isQuick = command.quick
      options.maxFindings = command.maxFindings
      options.threads = Process.threadCount(command.threads)
      let verifier = Verifier(input, options: options)
      var state = ProgressBar.State(bytes: 0, fraction: 0)
      let progress =
        command.messages.showsProgress ? ProgressBar(title: image.escapedName) { state } : nil
      verifier.onProgress = { fraction, bytes in
        state = ProgressBar.State(bytes: bytes, fraction: fraction)
        progress?.tick()
      }
      var report = try verifier.run()
      ProgressBar.clearLine()
      if command.offset == .start { explainForeignFile(&report) }
      var compared: [VerifyComparison] = []
      if report.isWhole || report.isOnlyUnmountable {
        do { compared = try compare(&report) } catch let other as OtherInput {
          return fail(other, isWhole: report.isWhole)
        }
      }
      try input.checkUnchanged(path: image)
      try VerifyReport(image: image, command: command, report: report, compared: compared)
        .print(input, seconds: Process.now - start)
      if report.errors > 0 { return ExitStatus.failed }
      return report.unreadable > 0 ? ExitStatus.unreadableInput : 0
    } catch {
      return fail(error)
    }
  }

  /// Says what a file is that does not begin as an image does.
  private func explainForeignFile(_ report: inout Verifier.Report) {
    guard
      let index = report.findings.firstIndex(where: { $0.kind == .superblock && $0.offset == 0 }),
      report.isNoImage || FileKind(of: image) != nil
    else { return }
    let error = ImageReadError(.damaged, at: 0, report.findings[index].message)
    let explained = ImageOpener.explained(error, image)
    report.findings[index].message = explained.message
    report.isNoImage = report.isNoImage || explained.code == .notAnImage
  }

  /// Compares the contents with the source and the manifest, where there are such.
  private func compare(_ report: inout Verifier.Report) throws -> [VerifyComparison] {
    let sources = try SourceArgument.sources(command.against)
    guard !sources.isEmpty || command.manifest != nil else { return [] }
    var options = TreeInput.Options()
    options.threads = Process.threadCount(command.threads)
    options.offset = command.offset
    if command.messages.showsProgress {
      options.progress = { ProgressBar.reporter(title: $0.escapedName) }
    }
    options.embeddedImageHint = "verify reads no images within other files"
    defer { ProgressBar.clearLine() }
    options.assembly.xattrs = .all
    options.digests = command.manifest == nil ? .dataAndHoles : .bytes
    let tree = try TreeInput(image, offset: command.offset).read(options)
    options.offset = .start
    var compared: [VerifyComparison] = []
    if !sources.isEmpty {
      let source = Array(sources.map(\.path).joined(separator: Array(" + ".utf8)))
      options.assembly = try command.assemblyOptions(readsFiles: true)
      options.archives = command.archives.options()
      options.directories = command.directories.options()
      options.warn = { if !command.messages.quiet { Messages.write(source, "warning: \($0)") } }
      let expected = try reading(source) {
        try TreeInput.read(sources, options, whiteouts: command.selection.whiteouts)
      }
      let comparison = VerifyComparison(with: sources.map(\.path), isManifest: false)
      compared.append(comparison.run(expected, tree, image: image, command, &report))
    }
    if let manifest = command.manifest {
      let path = manifest.path(of: image)
      if manifest == .own { try refuseMissing(path) }
      var reader = try reading(path) { try ManifestReader(path: path) }
      let expected = try reading(path) { try reader.read() }
      // First, as it explains all others.
      let isOther = try isOfOtherImage(reader, path, &report)
      var comparison = VerifyComparison(with: [path], isManifest: true)
      comparison.isOfOtherImage = isOther
      comparison = comparison.run(expected, tree, image: image, command, &report)
      compared.append(comparison)
      if isOther && comparison.count == 0 {
        report.add(
          Finding(
            .note, .difference,
            "all its files are equal, so it was packed again, or what changed is no file: padding, "
              + "or extended attributes, which a manifest does not have"),
          limit: command.maxFindings)
      }
      if expected.unknown.contains(.content) {
        report.add(
          Finding(
            .unreadable, .difference,
            "\(path.escapedName) has no SHA-256 for some files: their contents could not be compared"
          ),
          limit: command.maxFindings)
      }
    }
    return compared
  }

  /// What could not be read to compare with.
  private struct OtherInput: Error {
    var path: [UInt8]
    var reason: any Error
  }

  private func reading<R>(_ path: [UInt8], _ body: () throws -> R) throws -> R {
    do { return try body() } catch { throw OtherInput(path: path, reason: error) }
  }

  /// What the user has not named may not be expected to be there.
  private func refuseMissing(_ manifest: [UInt8]) throws {
    var status = stat()
    guard manifest.withCPath({ stat($0, &status) }) != 0, errno == ENOENT else { return }
    throw OtherInput(
      path: manifest,
      reason: SourceError(
        .unreadable, path: manifest, "there is no such manifest",
        hint: "\"autosquash manifest \(image.shellWord) -o \(manifest.shellWord)\" writes it"))
  }

  /// The image's own digest tells of changes that no file shows.
  private func isOfOtherImage(
    _ manifest: ManifestReader, _ path: [UInt8], _ report: inout Verifier.Report
  ) throws -> Bool {
    guard let expected = manifest.image else { return false }
    let (digest, size) = try SHA256.of(file: image)
    guard digest != expected.digest else { return false }
    let what = expected.size == size ? "SHA-256" : "size and SHA-256"
    report.add(
      Finding(
        .error, .difference,
        "\(path.escapedName) does not belong to this image: it was written for one with another "
          + what),
      limit: command.maxFindings)
    return true
  }

  private func fail(_ error: any Error) -> Int32 {
    let status = max(ExitStatus.unreadableInput, Messages.fail(image, error))
    if command.messages.json {
      Swift.print(
        ([
          "image": .name(image), "whole": .boolean(false), "result": .string("not readable"),
          "message": .string("\(error)"),
        ] as JSON).text)
    }
    return status
  }

  /// - Parameter isWhole: what was found of the image before.
  private func fail(_ other: OtherInput, isWhole: Bool) -> Int32 {
    _ = Messages.fail(other.path, other.reason)
    if command.messages.json {
      Swift.print(
        ([
          "image": .name(image), "whole": .boolean(isWhole),
          "result": .string("not compared"), "source": .name(other.path),
          "message": .string("\(other.reason)"),
        ] as JSON).text)
    }
    return ExitStatus.unreadableInput
  }
}
