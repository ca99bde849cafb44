import Extraction
import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import Terminal

/// `extract --to-tar`.
extension Extract {
  /// - Returns: the exit status.
  func export(_ image: Image, to output: [UInt8], _ filter: inout PathFilter) throws -> Int32 {
    try ResultFile.refuse(output, inPlaceOf: subject)
    let start = Process.now
    var file = try ResultFile(output, replacing: force)
    if file.isStandardOutput && isatty(STDOUT_FILENO) == 1 {
      throw SourceError(
        .refused, path: file.path, "a terminal cannot take an archive",
        hint: "redirect it, or name a file")
    }
    var options = TarExporter.Options()
    options.threads = Process.threadCount(threads)
    options.xattrs = try xattrs.policy()
    let exporter = try TarExporter(image, to: file.descriptor, path: file.path, options)
    let progress = messages.progressBar(for: output)
    let result = try exporter.run(&filter) { progress?($0, nil) }
    ProgressBar.clearLine()
    if Interruption.isRequested { return ExitStatus.failed }
    if !messages.quiet {
      for warning in result.warnings { Messages.write(output, "warning: \(warning)") }
    }
    for path in result.missing {
      Messages.write(subject, try PathPattern.failure(path, in: image))
    }
    // The image lacks everything named: leave nothing behind.
    if result.files == 0 && !result.missing.isEmpty { return ExitStatus.failed }
    try exporter.finish()
    try file.finish()
    if messages.json && !file.isStandardOutput {
      var answer = StandardOutput()
      try answer.write(line: [
        "image": .name(subject), "archive": .name(output),
        "bytes": JSON(result.bytes), "missing": JSON(result.missing.count),
      ])
      try answer.flush()
    } else if !messages.quiet {
      let files =
        result.files == 1 ? "1 file or directory" : "\(result.files.grouped) files and directories"
      Messages.write(
        file.path, "\(files), \(result.bytes.asBytes), \((Process.now - start).asDuration)")
    }
    return result.missing.isEmpty ? 0 : ExitStatus.failed
  }
}
