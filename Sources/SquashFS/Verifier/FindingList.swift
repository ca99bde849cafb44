internal import Posix
internal import SquashFSFormat

/// Gathers findings from all threads; keeps the first ones and counts the others.
final class FindingList: @unchecked Sendable {
  /// What a finding can be found again by, when files are given their paths.
  enum Subject: Hashable {
    case inode(UInt32)
    case block(UInt64)
    case fragment(UInt32)
  }

  private let monitor = Monitor(conditions: 0)
  private let limit: Int
  private var list: [Finding] = []
  private var subjects: [Subject: [Int]] = [:]
  private var counts: [Finding.Severity: Int] = [:]
  private var errorKinds: [Finding.Kind: Int] = [:]
  private var kernelMessages: Set<String> = []
  /// Blocks and fragments that cannot be unpacked, as far as they are remembered.
  private var lost: Set<Subject> = []
  private static let mostLost = 1 << 18

  init(limit: Int) { self.limit = limit }

  func add(_ finding: Finding, about subject: Subject? = nil) {
    monitor.withLock {
      counts[finding.severity, default: 0] += 1
      if finding.severity == .error { errorKinds[finding.kind, default: 0] += 1 }
      switch subject {
      case .block, .fragment:
        if finding.severity >= .error, lost.count < Self.mostLost { lost.insert(subject!) }
      default: break
      }
      guard list.count < limit else { return }
      var finding = finding
      finding.path = finding.path.map(Self.shortened)
      if let subject { subjects[subject, default: []].append(list.count) }
      list.append(finding)
    }
  }

  /// Paths can be longer than anybody reads.
  private static func shortened(_ path: [UInt8]) -> [UInt8] {
    path.count <= 4096 ? path : Array(path.prefix(4096))
  }

  /// Adds what went wrong while something was read.
  func add(
    _ error: ImageReadError, _ kind: Finding.Kind, about subject: Subject? = nil,
    path: [UInt8]? = nil
  ) {
    let isUnknown = error.code == .unreadable || error.code == .unsupported
    let severity: Finding.Severity = isUnknown ? .unreadable : .error
    add(
      Finding(severity, kind, offset: error.offset, path: path, error.message), about: subject)
  }

  /// Adds a remark on what a kernel needs, once, however many blocks it is true of.
  func add(_ problem: KernelProblem, offset: UInt64) {
    let (severity, message): (Finding.Severity, String) =
      switch problem {
      case .allKernels(let text): (.error, "the kernel cannot read it: \(text)")
      case .olderKernels(let text): (.warning, "some kernels cannot read it: \(text)")
      }
    let isNew = monitor.withLock { kernelMessages.insert(message).inserted }
    if isNew { add(Finding(severity, .kernel, offset: offset, message)) }
  }

  /// Says which file is affected, to the findings about `subject`; those that know one count it.
  func addPath(_ path: [UInt8], of subject: Subject) {
    monitor.withLock {
      for index in subjects[subject] ?? [] {
        if list[index].path == nil {
          list[index].path = Self.shortened(path)
        } else {
          list[index].otherFiles += 1
        }
      }
    }
  }

  /// Whether there are findings whose files are not named yet.
  var lacksPaths: Bool { monitor.withLock { !subjects.isEmpty } }

  func isLost(_ subject: Subject) -> Bool { monitor.withLock { lost.contains(subject) } }

  var findings: [Finding] { monitor.withLock { list } }
  func count(_ severity: Finding.Severity) -> Int { monitor.withLock { counts[severity] ?? 0 } }
  /// The number of errors of a kind.
  func count(_ kind: Finding.Kind) -> Int { monitor.withLock { errorKinds[kind] ?? 0 } }
}
