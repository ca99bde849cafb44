import FileTrees
import Inputs
import Posix
import Synchronization
import Terminal

/// What an extraction says at its end.
extension ExtractJob {
  /// - Parameter stopped: the exit status of the error that ended the work early.
  func report(_ filter: PathFilter, status stopped: Int32?) throws -> Int32 {
    let image = command.image.image.bytes
    let missing = Interruption.isRequested || stopped != nil ? [] : filter.missing
    for path in missing {
      Messages.write(image, try PathPattern.failure(path, in: self.image))
    }
    if !command.messages.quiet {
      let warnings = context.warnings + [xattrFilter.warning].compactMap { $0 }
      for warning in warnings { Messages.write(target, "warning: \(warning)") }
    }
    if context.existingFiles.count > 0 { Messages.write(target, inTheWay(context.existingFiles)) }
    let bytes = state.bytes.load(ordering: .relaxed)
    let hasFailed = stopped != nil || context.errors > 0 || state.lost > 0 || !missing.isEmpty
    if command.messages.json {
      var output = StandardOutput()
      try output.write(
        JSON.object([
          ("image", .name(image)), ("directory", .name(target)),
          ("made", .integer(Int64(context.made))), ("kept", .integer(Int64(context.kept))),
          ("bytes", .integer(bytes)),
          ("errors", .integer(Int64(context.errors))), ("missing", .integer(Int64(missing.count))),
          ("skippedDevices", .integer(Int64(context.skippedDevices))),
          ("lost", .integer(Int64(state.lost))),
          (
            "lostFiles",
            .array(
              state.firstLosses.map {
                .object([("path", .name($0.path)), ("message", .string($0.text))])
              })
          ),
          ("seconds", .number(Process.now - start)),
        ]).text + "\n")
      try output.flush()
    } else if !isTakenBack && (!command.messages.quiet || hasFailed) {
      var line = Interruption.isRequested ? "interrupted after " : ""
      if stopped != nil { line = "stopped after " }
      line +=
        context.made == 1 ? "1 file or directory" : "\(context.made.grouped) files and directories"
      line += ", \(bytes.asBytes)"
      if context.kept > 0 {
        line +=
          "; \(context.kept.counted("file")) \(context.kept == 1 ? "was" : "were") there already "
        line += context.kept == 1 ? "and stays" : "and stay"
      }
      if context.errors > 0 {
        line += ", \(context.errors.grouped) \(context.errors == 1 ? "error" : "errors")"
      }
      if state.lost > 0 { line += ", \(state.lost.grouped) lost or damaged" }
      line += ", \((Process.now - start).asDuration)"
      if Interruption.isRequested { line += "; --skip-existing goes on from here" }
      Messages.write(target, line)
    }
    return stopped ?? (hasFailed ? ExitStatus.failed : 0)
  }

  /// One sentence for all files that could not be made as others have their names.
  private func inTheWay(_ files: ExistingFiles) -> String {
    let isOne = files.count == 1
    let names = files.first.map(\.escapedName).joined(separator: ", ")
    let list = files.count > files.first.count ? "\(names), …" : names
    if command.skipExisting {
      return "\(files.count.counted("file")) that \(isOne ? "is" : "are") there already "
        + "\(isOne ? "differs" : "differ") from the image: \(list); "
        + "--force replaces \(isOne ? "it" : "them")"
    }
    return "\(files.count.counted("file")) \(isOne ? "exists" : "exist") already: \(list); "
      + "--skip-existing leaves what has the same size and time, --force replaces all"
  }
}
