import Posix
import SquashFSFormat

/// Checks an image from its first byte to its last: that it is intact, consistent, and that Linux
/// mounts it.
///
/// Memory is bounded, whatever the image claims: data about inodes and blocks is kept for one
/// window of them at a time, and the image's metadata is read again for the next.
public final class Verifier {
  /// What to check, and how.
  public struct Options: Sendable {
    /// Whether to leave blocks of files unread.
    public var isQuick = false
    /// The number of findings to keep; all are counted.
    public var maxFindings = 50
    /// The number of threads that unpack blocks, at least 1.
    public var threads = 1
    /// The number of inodes whose names are counted in one pass over the tree.
    var inodesPerPass = InodeWindow.size

    /// The defaults: everything, on one thread.
    public init() {}
  }

  /// The result.
  public struct Report: Sendable {
    /// The most severe first.
    public var findings: [Finding]
    /// The number of findings that are errors, kept or not.
    public var errors: Int
    /// The number of warnings, kept or not.
    public var warnings: Int
    /// The number of things that could not be read.
    public var unreadable: Int
    /// The number of notes, kept or not.
    public var notes: Int
    /// The number of inodes checked.
    public var inodes: UInt64 = 0
    /// Counts for data and fragment blocks.
    public var contents = BlockCounts()
    /// The work it took.
    package var work = ReadingWork()
    /// Whether the file does not even begin like an image.
    public var isNoImage = false
    /// Whether Linux cannot read this kind of image: nothing more is known.
    public var isForeign = false
    /// The build options that a kernel needs to mount the image, if its tables can be found.
    public var kernelOptions: [String] = []
    /// What is still readable in a damaged image.
    public var salvage: Salvage?

    /// The number of errors that only keep Linux from mounting the image.
    public var mountErrors = 0
    /// The number of errors of the kind `difference`.
    public var differences = 0

    /// Whether nothing is wrong with the image.
    public var isWhole: Bool { errors == 0 && unreadable == 0 }
    /// Whether everything is readable, but not by a kernel.
    public var isOnlyUnmountable: Bool { errors > 0 && errors == mountErrors }

    /// Counts differences reported by other means than findings.
    package mutating func count(differences count: Int) {
      errors += count
      differences += count
    }

    /// Inserts a finding from elsewhere after those of the same severity; drops the last one if
    /// there are more than `limit`.
    package mutating func add(_ finding: Finding, limit: Int) {
      switch finding.severity {
      case .error: errors += 1
      case .warning: warnings += 1
      case .unreadable: unreadable += 1
      case .note: notes += 1
      }
      if finding.kind == .difference && finding.severity == .error { differences += 1 }
      let place = findings.lastIndex { $0.severity >= finding.severity }.map { $0 + 1 } ?? 0
      findings.insert(finding, at: place)
      if findings.count > limit { findings.removeLast() }
    }
  }

  /// How much of a damaged image is readable.
  public struct Salvage: Sendable {
    /// The number of files in the tree.
    public var files = 0
    /// The number of completely readable files.
    public var readableFiles = 0
    /// The total size of all files in the tree, in bytes.
    public var bytes: UInt64 = 0
    /// The number of those bytes that are readable.
    public var readableBytes: UInt64 = 0
    /// Whether parts of the tree could not be examined.
    public var isPartial = false
  }

  private let input: ImageInput
  private let options: Options
  private let list: FindingList
  private var report: Report
  /// The sizes of the unpacked blocks.
  private var fragmentSizes: FragmentSizes?

  package init(_ input: ImageInput, options: Options = Options()) {
    self.input = input
    self.options = options
    list = FindingList(
      limit: options.maxFindings,
      fileLength: input.base.addingReportingOverflow(input.length).partialValue)
    report = Report(findings: [], errors: 0, warnings: 0, unreadable: 0, notes: 0)
  }

  /// Called with the fraction of the work done, 0 to 1, and the number of bytes read of the image's
  /// data.
  package var onProgress: (Double, UInt64) -> Void = { _, _ in }

  /// Checks everything.
  ///
  /// - Throws: `ImageReadError` with the codes `unreadable` and `unsupported` if nothing can be
  ///   said about the image, as after a change meanwhile; `SystemError` if threads cannot start.
  package func run() throws -> Report {
    if let image = try open() {
      if image.superblock.bytesUsed <= input.length { report.kernelOptions = image.kernelOptions }
      let isTreeWhole = try check(image)
      let isDamaged = list.count(.error) + list.count(.unreadable) > 0
      if isDamaged || list.lacksPaths {
        let salvage = Survey(image, list, isTreeWhole: isTreeWhole, fragmentSizes).run()
        if isDamaged { report.salvage = salvage }
      }
      report.work = image.work
    } else if let image = try? Image(input, tolerating: .lostTables) {
      report.salvage = Survey(image, list, isTreeWhole: false, nil).run()
      report.work = image.work
    }
    try input.checkUnchanged()
    report.findings = list.findings
    report.errors = list.count(.error)
    report.warnings = list.count(.warning)
    report.unreadable = list.count(.unreadable)
    report.notes = list.count(.note)
    report.mountErrors = list.count(.kernel) + list.count(.padding)
    return report
  }

  /// Opens the image; a failure to open it is a finding.
  private func open() throws -> Image? {
    let superblock: Superblock
    do throws(ImageReadError) {
      superblock = try Image.readSuperblock(of: input)
    } catch {
      guard error.code != .unreadable else { throw error }
      report.isNoImage = error.code == .notAnImage
      report.isForeign = error.code == .unsupported
      // An image that Linux does not know either is not reliable.
      let message = error.code == .unsupported ? "will not mount: \(error.message)" : error.message
      list.add(Finding(.error, .superblock, offset: error.offset, message))
      FileCheck.checkLength(of: input, list)
      return nil
    }
    do {
      FileCheck.checkEnd(superblock, input, list)
      let image = try Image(input, tolerating: .shortFile)
      FileCheck(image, list).run()
      return image
    } catch {
      switch error.code {
      case .unreadable, .unsupported: throw error
      case .notAnImage, .damaged, .notFound:
        let kind: Finding.Kind = error.offset == input.base ? .superblock : .layout
        list.add(Finding(.error, kind, offset: error.offset, error.message))
        return nil
      }
    }
  }

  /// - Returns: whether all inodes and directories were readable.
  private func check(_ image: Image) throws -> Bool {
    guard image.superblock.fragmentCount <= EffortBudget.mostFragments else {
      throw ImageReadError(
        .unsupported, at: input.base,
        "\(image.superblock.fragmentCount) fragments; this program checks up to "
          + "\(EffortBudget.mostFragments)")
    }
    // Data is on its way while the tables are checked.
    if !options.isQuick { image.input.willRead(inOrder: [0..<image.superblock.bytesUsed]) }
    KernelCheck.watchMetadata(of: image, list)
    let tables = TableCheck(image, list)
    tables.run()
    KernelCheck.endWatch(of: image)
    var regions = tables.regions
    let blocks = BlockCollector(image)
    tables.collectFragments(into: blocks)

    let isTreeWhole = checkTree(image, collecting: blocks)
    regions.sort { $0.range.lowerBound < $1.range.lowerBound }
    let data = DataCheck(image, list, blocks, regions: regions, threads: options.threads)
    data.onProgress = onProgress
    try data.run(readsBlocks: !options.isQuick, findsGaps: isTreeWhole)
    report.contents = data.counts
    fragmentSizes = data.fragmentSizes
    return isTreeWhole
  }

  /// Checks all inodes and directories in one pass, and counts the names of the inodes it has no
  /// room for in further passes.
  ///
  /// - Returns: whether all were readable.
  private func checkTree(_ image: Image, collecting blocks: BlockCollector) -> Bool {
    let count = image.superblock.inodeCount
    let windows = InodeWindow.windows(count, of: options.inodesPerPass)
    let first = InodeWindow(windows[0])
    let inodes = InodeCheck(image, list, first)
    let isScanWhole = inodes.run(collecting: blocks)
    report.inodes = inodes.count
    let directories = DirectoryCheck(image, list, first, isScanWhole: isScanWhole)
    guard directories.run(), isScanWhole else { return false }
    // With wrong numbers, further windows would add little; missing numbers need none.
    if inodes.hasWrongNumbers || inodes.count < UInt64(count) { return true }
    for window in windows.dropFirst() {
      guard LinkCountPass(image, list, InodeWindow(window)).run() else { return false }
    }
    return true
  }
}

/// A part of the image that belongs to a table or the superblock.
struct Region {
  var range: Range<UInt64>
  var name: String
}
