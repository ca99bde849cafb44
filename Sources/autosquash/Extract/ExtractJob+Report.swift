import FileTrees
import Posix
import Synchronization

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
    if context.unreportedExisting > 0 {
      let count = context.unreportedExisting
      Messages.write(
        target,
        "\(count.grouped) more \(count == 1 ? "file exists" : "files exist") already; "
          + "--force replaces them")
    }
    let bytes = state.bytes.load(ordering: .relaxed)
    let hasFailed = stopped != nil || context.errors > 0 || state.lost > 0 || !missing.isEmpty
    if command.messages.json {
      var output = StandardOutput()
      try output.write(
        JSON.object([
          ("image", .name(image)), ("directory", .name(target)),
          ("made", .integer(Int64(context.made))), ("bytes", .integer(bytes)),
          ("errors", .integer(Int64(context.errors))), ("lost", .integer(Int64(state.lost))),
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
    } else if !command.messages.quiet || hasFailed {
      var line = Interruption.isRequested ? "interrupted after " : ""
      if stopped != nil { line = "stopped after " }
      line +=
        context.made == 1 ? "1 file or directory" : "\(context.made.grouped) files and directories"
      line += ", \(bytes.asBytes)"
      if context.errors > 0 {
        line += ", \(context.errors.grouped) \(context.errors == 1 ? "error" : "errors")"
      }
      if state.lost > 0 { line += ", \(state.lost.grouped) lost or damaged" }
      Messages.write(target, "\(line), \((Process.now - start).asDuration)")
    }
    return stopped ?? (hasFailed ? ExitStatus.failed : 0)
  }
}
