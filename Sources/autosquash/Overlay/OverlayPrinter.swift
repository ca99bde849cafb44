import Overlay
import Posix
import Terminal

/// Prints and counts what an overlay command does.
final class OverlayPrinter {
  private let isDryRun: Bool
  private let isJSON: Bool
  private let isQuiet: Bool
  private let isVerbose: Bool
  private let namesChanges: Bool
  private(set) var counts = OverlayCounts()
  private var output = StandardOutput()
  private var failure: (any Error)?

  init(_ arguments: OverlayArguments, isDryRun: Bool, namesChanges: Bool) {
    self.isDryRun = isDryRun
    self.namesChanges = namesChanges
    isJSON = arguments.json
    isQuiet = arguments.quiet
    isVerbose = arguments.verbose
  }

  func report(_ path: RelativePath, _ event: OverlayEvent) {
    counts.count(event)
    let path = HostPath.root.appending(path)
    if isJSON {
      if event != .right || isVerbose { write(Self.json(path, event).text) }
    } else if case .conflict(let text) = event {
      Messages.write(path, text)
    } else if !isQuiet && isNamed(event) {
      write(line(path, event))
    }
  }

  /// Names the paths that need attention, but not thousands of new links.
  private func isNamed(_ event: OverlayEvent) -> Bool {
    switch event {
    case .replaced, .pruned, .removedDirectory: true
    case .right: isVerbose
    default: isVerbose || namesChanges
    }
  }

  private func line(_ path: HostPath, _ event: OverlayEvent) -> String {
    let name = path.escapedName
    let would = isDryRun ? "would " : ""
    func say(_ done: String, _ verb: String) -> String { isDryRun ? would + verb : done }
    return switch event {
    case .linked: "\(name): \(say("linked", "link"))"
    case .right: "\(name): right"
    case .corrected(let old):
      "\(name): \(say("corrected", "correct")), it pointed to \(old.escapedName)"
    case .moved(let old):
      "\(name): \(say("moved", "move")), it pointed to \(old.escapedName)"
    case .replaced(let mine, let theirs):
      "\(name): \(say("replaced", "replace")) a file of \(mine.asBytes)"
        + (mine == theirs ? "" : ", the overlay's has \(theirs.asBytes)")
    case .madeDirectory: "\(name): \(say("made", "make")) the directory"
    case .conflict(let text): "\(name): \(text)"
    case .pruned(let target), .unlinked(let target):
      "\(name): \(say("removed", "remove")) the link to \(target.escapedName)"
    case .removedDirectory: "\(name): \(say("removed", "remove")) the empty directory"
    }
  }

  private static func json(_ path: HostPath, _ event: OverlayEvent) -> JSON {
    var members: [(String, JSON)] = [("path", .name(path)), ("action", .string(event.name))]
    switch event {
    case .corrected(let old), .moved(let old): members.append(("target", .name(old)))
    case .pruned(let target), .unlinked(let target): members.append(("target", .name(target)))
    case .replaced(let mine, let theirs):
      members += [("size", JSON(mine)), ("overlay-size", JSON(theirs))]
    case .conflict(let text): members.append(("reason", .string(text)))
    default: break
    }
    return .object(members)
  }

  private func write(_ line: String) {
    ProgressBar.clearLine()
    do { try output.write(line + "\n") } catch { failure = failure ?? error }
  }

  /// Prints the last line: the counts.
  func finish() throws {
    if isJSON {
      write(sums.text)
    } else if !isQuiet {
      write(summary)
    }
    try output.flush()
    if let failure { throw failure }
  }

  /// The counts for programs.
  private var sums: JSON {
    [
      "linked": JSON(counts.linked), "right": JSON(counts.right),
      "corrected": JSON(counts.corrected),
      "moved": JSON(counts.moved),
      "replaced": JSON(counts.replaced),
      "made-directories": JSON(counts.madeDirectories),
      "conflicts": JSON(counts.conflicts),
      "pruned": JSON(counts.pruned),
      "unlinked": JSON(counts.unlinked),
      "removed-directories": JSON(counts.removedDirectories),
      "dry-run": .boolean(isDryRun),
    ]
  }

  private var summary: String {
    func part(_ count: Int, _ one: String, _ many: String? = nil) -> String? {
      count == 0 ? nil : "\(count) \(count == 1 ? one : many ?? one)"
    }
    let changes = [
      part(counts.linked, "link made", "links made"), part(counts.corrected, "corrected"),
      part(counts.moved, "link moved", "links moved"),
      part(counts.replaced, "file replaced", "files replaced"),
      part(counts.madeDirectories, "directory made", "directories made"),
      part(counts.pruned, "stale link removed", "stale links removed"),
      part(counts.unlinked, "link removed", "links removed"),
      part(counts.removedDirectories, "directory removed", "directories removed"),
    ].compactMap { $0 }
    let rest = [
      part(counts.right, "link is right", "links are right"),
      part(counts.conflicts, "conflict", "conflicts"),
    ].compactMap { $0 }
    let start =
      changes.isEmpty
      ? ["nothing to change"]
      : isDryRun
        ? ["would change: " + changes.joined(separator: ", ")]
        : [changes.joined(separator: ", ")]
    return (start + rest).joined(separator: "; ")
  }
}
