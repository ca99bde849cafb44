import Glibc
import Posix
import Synchronization

/// The state all parts of an extraction share: the rules, and what went wrong.
final class ExtractionContext: Sendable {
  /// Whether to replace existing files.
  let replaces: Bool
  /// Whether to keep existing files that are the same, judging by size and time.
  let keepsSame: Bool
  /// Whether to set owners and make devices, which only root can.
  let isRoot: Bool

  private let report: @Sendable ([UInt8], String) -> Void
  private let errorCount = Atomic<Int>(0)
  private let droppedSetIDs = Atomic<Int>(0)
  private let droppedXattrs = Atomic<Int>(0)
  private let lostOwners = Atomic<Int>(0)
  private let skippedDeviceCount = Atomic<Int>(0)
  private let copiedLinks = Atomic<Int>(0)
  private let hasStopped = Atomic<Bool>(false)
  private let fileCount = Atomic<Int>(0)
  private let keptCount = Atomic<Int>(0)
  private let existing = Mutex(ExistingFiles())

  /// - Parameter report: called from any thread with the path of a file that could not be made,
  ///   and the reason.
  convenience init(
    replaces: Bool, keepsSame: Bool = false,
    report: @escaping @Sendable ([UInt8], String) -> Void
  ) {
    self.init(
      replaces: replaces, keepsSame: keepsSame, mostHeld: Self.mostHeld, report: report)
  }

  /// - Parameter mostHeld: the most files with several names to hold open at once.
  init(
    replaces: Bool, keepsSame: Bool = false, mostHeld: Int,
    report: @escaping @Sendable ([UInt8], String) -> Void
  ) {
    self.replaces = replaces
    self.keepsSame = keepsSame
    self.report = report
    freeHolds = Atomic(mostHeld)
    isRoot = geteuid() == 0
  }

  /// Costs some 20 MB of kernel memory, and leaves most descriptors to others.
  private static var mostHeld: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(min(limit.rlim_cur / 2, 1 << 14))
  }

  private let freeHolds: Atomic<Int>

  /// Whether another file may be held open until it has all its names.
  func holdFile() -> Bool {
    if freeHolds.subtract(1, ordering: .relaxed).newValue >= 0 { return true }
    releaseFile()
    return false
  }

  func releaseFile() { freeHolds.add(1, ordering: .relaxed) }

  /// The number of files that could not be made.
  var errors: Int { errorCount.load(ordering: .relaxed) }
  /// The number of files, links and directories made.
  var made: Int { fileCount.load(ordering: .relaxed) }

  /// The number of device nodes skipped because only root can make them.
  var skippedDevices: Int { skippedDeviceCount.load(ordering: .relaxed) }

  /// Counts and reports an error.
  func fail(_ path: [UInt8], _ text: String) {
    errorCount.add(1, ordering: .relaxed)
    report(path, text)
  }

  /// Stops making anything new.
  func stop() { hasStopped.store(true, ordering: .relaxed) }

  /// Whether the extraction ends early.
  var isStopped: Bool { hasStopped.load(ordering: .relaxed) || Interruption.isRequested }

  static let directoryInTheWay = "a directory of that name is in the way; remove it first"

  /// Counts an existing file that keeps another from being made.
  func failAsExisting(_ path: [UInt8]) {
    errorCount.add(1, ordering: .relaxed)
    existing.withLock { $0.add(path) }
  }

  /// Counts and reports a failure to make something, by `errno`.
  func failToCreate(_ path: [UInt8]) {
    if errno == EEXIST {
      failAsExisting(path)
    } else {
      fail(path, SystemError("create").description)
    }
  }

  /// Counts and reports a failed system call, by `errno`.
  func fail(_ path: [UInt8], action: String) {
    fail(path, SystemError(action, path: path).description)
  }

  /// The number of existing files, links and devices that were kept.
  var kept: Int { keptCount.load(ordering: .relaxed) }
  func countKept() { keptCount.add(1, ordering: .relaxed) }
  func countMade() { fileCount.add(1, ordering: .relaxed) }
  func countDroppedSetID() { droppedSetIDs.add(1, ordering: .relaxed) }
  func countLostOwner() { lostOwners.add(1, ordering: .relaxed) }
  func countDroppedXattr() { droppedXattrs.add(1, ordering: .relaxed) }
  func countCopiedLink() { copiedLinks.add(1, ordering: .relaxed) }
  func countSkippedDevice() { skippedDeviceCount.add(1, ordering: .relaxed) }

  /// The files that were in the way.
  var existingFiles: ExistingFiles { existing.withLock { $0 } }

  /// One sentence for each kind of thing that this user or file system cannot have.
  var warnings: [String] {
    var list: [String] = []
    func note(_ count: borrowing Atomic<Int>, _ one: String, _ many: String) {
      let number = count.load(ordering: .relaxed)
      if number > 0 { list.append(number == 1 ? "1 \(one)" : "\(number.grouped) \(many)") }
    }
    note(
      skippedDeviceCount, "device node skipped: only root can create it",
      "device nodes skipped: only root can create them")
    note(
      droppedSetIDs, "file lost its set-id bits because its owner changed",
      "files lost their set-id bits because their owners changed")
    note(
      lostOwners, "file did not get its owner", "files did not get their owners")
    note(
      droppedXattrs, "extended attribute could not be set",
      "extended attributes could not be set")
    note(
      copiedLinks,
      "hard link became a copy: its file system does not allow the link",
      "hard links became copies: their file systems do not allow the links")
    return list
  }
}
