public import FileTrees
import Glibc
import Posix
public import SquashFS
import TreeModel

/// Unpacks an image, or a part of it, into a directory.
///
/// The calling thread reads the metadata and makes directories, links and devices; others read,
/// unpack and write files, large ones in pieces. An `Interruption` ends it early.
public final class Extractor {
  /// How to unpack an image.
  public struct Options: Sendable {
    /// Whether to replace existing files.
    public var replaces = false
    /// Whether to keep existing files that are the same, judging by size and time.
    public var keepsSame = false
    /// Whether to unpack the readable parts of a damaged image and report the losses.
    public var keepsGoing = false
    /// The number of threads that unpack and write files.
    public var threads = 1
    /// Which extended attributes files get.
    public var xattrs = XattrPolicy.usual

    public init() {}
  }

  /// A part of a damaged image that could not be unpacked, or not completely.
  public struct Loss: Sendable {
    /// The path in the image; `nil` if it concerns the whole image.
    public var path: [UInt8]?
    /// What is lost, and why.
    public var text: String
  }

  let image: Image
  let options: Options
  let context: ExtractionContext
  let state: ExtractionState
  let fragments: FragmentCache
  let xattrFilter: XattrFilter
  /// Set while `run` is running.
  var pool: TaskPool<FileWriter>?
  /// Small files waiting for a thread.
  var smallFiles: SmallFiles?
  private let target: [UInt8]

  /// - Parameters:
  ///   - target: the directory to unpack into, created if missing.
  ///   - reporter: receives each problem as it occurs.
  public init(
    _ image: Image, into target: [UInt8], _ options: Options, reporter: any ExtractionReporter
  ) {
    self.image = image
    self.target = target
    self.options = options
    context = ExtractionContext(replaces: options.replaces, keepsSame: options.keepsSame) {
      reporter.couldNotMake($0, $1)
    }
    state = ExtractionState(context, reporter)
    fragments = FragmentCache(image)
    xattrFilter = XattrFilter(options.xattrs)
  }

  /// Unpacks the selection; call it once.
  ///
  /// The program's umask should be 0, because files are created with their modes.
  ///
  /// - Parameters:
  ///   - filter: selects what to unpack.
  ///   - progress: called now and then on this thread, with the number of bytes written so far.
  /// - Throws: errors that prevent it from starting.
  public func run(
    _ filter: inout PathFilter, progress: (UInt64) -> Void = { _ in }
  ) throws -> Result {
    var writers: [FileWriter] = []
    for _ in 0..<options.threads {
      writers.append(try FileWriter(image, fragments, state, keepsGoing: options.keepsGoing))
    }
    let pool = try TaskPool(contexts: writers, queueLimit: 16 * writers.count)
    self.pool = pool
    for table in image.lostTables { state.countLost(table: table) }
    // Of existing files, nobody knows yet which will be kept.
    if image.input.wantsHints && !options.keepsSame {
      image.input.willRead(inOrder: SelectedPlaces(image, filter).ranges)
    }
    let root = try image.root()
    let isNew = stat(at: target, followsLinks: false) == nil
    // Released after the walk, when the directory gets its own attributes.
    var top: OutputDirectory? = try OutputDirectory(
      top: target, attributes: try image.attributes(of: root),
      xattrs: xattrFilter.wanted(try image.extendedAttributes(of: root)), context: context)
    do { try walk(from: root, top.take()!, &filter, progress) } catch { state.stop(error) }
    // Directories are finished with their last reference.
    smallFiles = nil
    pool.drain()
    if state.error == nil {
      do { try image.input.checkUnchanged() } catch { state.stop(error) }
    }
    var result = result(filter.missing)
    // The image lacks everything named: leave nothing behind.
    if isNew && context.made == 0 && !filter.missing.isEmpty {
      result.isTakenBack = target.withCPath { rmdir($0) } == 0
    }
    return result
  }

  private func result(_ missing: [[UInt8]]) -> Result {
    var result = Result()
    result.made = context.made
    result.kept = context.kept
    result.bytes = state.bytes
    result.errors = context.errors
    result.skippedDevices = context.skippedDevices
    result.lost = state.lost
    result.failure = state.error.map(full)
    let isOver = !Interruption.isRequested && result.failure == nil
    result.missing = isOver ? missing : []
    result.warnings = context.warnings + [xattrFilter.warning].compactMap { $0 }
    result.existing = context.existingFiles
    return result
  }

  /// The error with the whole path.
  private func full(_ error: any Error) -> any Error {
    guard var error = error as? SystemError else { return error }
    error.path = target.joined(to: error.path)
    return error
  }
}
