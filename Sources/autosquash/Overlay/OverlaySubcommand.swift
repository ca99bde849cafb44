import MachineSetup
import Overlay
import Posix
import Terminal

/// A command that changes an overlay's links, or shows what would change.
protocol OverlaySubcommand: Subcommand {
  var arguments: OverlayArguments { get }
  var isDryRun: Bool { get }
  /// Whether to name each change, rather than only count it.
  var namesChanges: Bool { get }
  /// Whether it counts as failure if there is anything to change.
  var failsOnChanges: Bool { get }

  /// Does its work.
  func apply(_ options: OverlayOptions) throws
}

extension OverlaySubcommand {
  var namesChanges: Bool { isDryRun }
  var failsOnChanges: Bool { false }

  func execute() throws -> Int32 {
    let printer = OverlayPrinter(arguments, isDryRun: isDryRun, namesChanges: namesChanges)
    do { try apply(options(printer)) } catch {
      // Report what was done anyway.
      if printer.counts.hasChanges { try? printer.finish() }
      throw error
    }
    ProgressBar.clearLine()
    try printer.finish()
    Interruption.endIfRequested()
    let hasFailed = printer.counts.conflicts > 0 || failsOnChanges && printer.counts.hasChanges
    return hasFailed ? ExitStatus.failed : 0
  }

  private func options(_ printer: OverlayPrinter) -> OverlayOptions {
    var options = OverlayOptions()
    options.overlay = arguments.overlay.map { HostPath($0.bytes) }
    options.root = arguments.root.flatMap { $0.bytes.isEmpty ? nil : HostPath($0.bytes) }
    options.earlier = arguments.was.map { HostPath($0.bytes) }
    options.isDryRun = isDryRun
    options.report = printer.report
    if arguments.progress.isShown && !arguments.quiet {
      var count = 0
      let bar = ProgressBar(title: "overlay") {
        ProgressBar.State(text: "\(count) \(count == 1 ? "directory" : "directories") listed")
      }
      options.progress = {
        count = $0
        bar.tick()
      }
    }
    return options
  }
}
