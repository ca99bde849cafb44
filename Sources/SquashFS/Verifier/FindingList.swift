import Posix
import SquashFSFormat
import Synchronization

/// Collects findings from all threads; keeps the first of each severity and counts the others.
final class FindingList: Sendable {
  /// Identifies a finding later, when files get their paths.
  enum Subject: Hashable {
    case inode(UInt32)
    case block(UInt64)
    case fragment(UInt32)
  }

  /// Where a finding is kept.
  private struct Place: Equatable {
    var severity: Finding.Severity
    var index: Int
  }

  private struct Kept {
    var finding: Finding
    /// The file named last.
    var latestPath: [UInt8]?
  }

  /// What makes two findings the same.
  private struct Identity: Hashable {
    var kind: Finding.Kind
    var offset: UInt64?
    var path: [UInt8]?
    var message: String
  }

  private struct State {
    var kept: [Finding.Severity: [Kept]] = [:]
    var places: [Identity: Place] = [:]
    var subjects: [Subject: [Place]] = [:]
    var counts: [Finding.Severity: Int] = [:]
    var errorKinds: [Finding.Kind: Int] = [:]
    var kernelMessages: Set<String> = []
    /// Blocks and fragments that cannot be unpacked, up to a limit.
    var lost: Set<Subject> = []

    /// Where to keep a finding from now on; `nil` if it is only counted.
    mutating func place(of finding: Finding, _ identity: Identity, limit: Int) -> Place? {
      if let known = places[identity] { return known }
      let index = counts[finding.severity, default: 0]
      counts[finding.severity] = index + 1
      if finding.severity == .error { errorKinds[finding.kind, default: 0] += 1 }
      guard index < limit else { return nil }
      let place = Place(severity: finding.severity, index: index)
      kept[finding.severity, default: []].append(Kept(finding: finding))
      places[identity] = place
      return place
    }
  }

  private let state = Mutex(State())
  private let limit: Int
  /// The length of the file in bytes.
  private let fileLength: UInt64
  private static let mostLost = 1 << 18
  private static let mostSubjects = 1 << 16

  /// - Parameters:
  ///   - limit: the number of findings to keep.
  ///   - fileLength: the end of the valid places.
  init(limit: Int, fileLength: UInt64) {
    self.limit = limit
    self.fileLength = fileLength
  }

  /// - Parameter subjects: what is affected. Blocks and fragments among them count as lost if the
  ///   finding is an error.
  func add(_ finding: Finding, about subjects: Subject...) {
    add(finding, about: subjects, loses: true)
  }

  private func add(_ finding: Finding, about subjects: [Subject], loses: Bool) {
    var finding = finding
    finding.path = finding.path.map(Self.shortened)
    // A place that the image only claims is worthless.
    if let offset = finding.offset, offset > fileLength { finding.offset = nil }
    let identity = Identity(
      kind: finding.kind, offset: finding.offset, path: finding.path, message: finding.message)
    state.withLock { state in
      if loses && finding.severity >= .error {
        for subject in subjects where state.lost.count < Self.mostLost {
          if case .inode = subject { continue }
          state.lost.insert(subject)
        }
      }
      guard let place = state.place(of: finding, identity, limit: limit) else { return }
      for subject in subjects where state.subjects[subject]?.contains(place) != true {
        // With very many, only count the others.
        guard state.subjects.count < Self.mostSubjects else {
          state.kept[place.severity]![place.index].finding.otherFiles += 1
          continue
        }
        state.subjects[subject, default: []].append(place)
      }
    }
  }

  /// Paths can be longer than anybody reads.
  private static func shortened(_ path: [UInt8]) -> [UInt8] {
    path.count <= 4096 ? path : Array(path.prefix(4096))
  }

  /// Adds an error met during reading.
  func add(
    _ error: ImageReadError, _ kind: Finding.Kind, about subject: Subject? = nil,
    path: [UInt8]? = nil
  ) {
    let isUnknown = error.code == .unreadable || error.code == .unsupported
    let severity: Finding.Severity = isUnknown ? .unreadable : .error
    let finding = Finding(severity, kind, offset: error.offset, path: path, error.message)
    if let subject { add(finding, about: subject) } else { add(finding) }
  }

  /// Adds a kernel's objection: to how the image was made, which is reported once, or damage to one
  /// block. The block may still be unpackable, so it does not count as lost.
  ///
  /// - Parameters:
  ///   - block: its name in messages.
  ///   - subject: whose paths to report.
  func add(
    _ problem: KernelProblem, _ kind: Finding.Kind = .kernel, of block: String = "",
    offset: UInt64, about subject: Subject? = nil
  ) {
    let finding: Finding
    switch problem {
    case .allKernels(let text):
      finding = Finding(.error, .kernel, offset: offset, "the kernel cannot read it: \(text)")
    case .olderKernels(let text):
      finding = Finding(.warning, .kernel, offset: offset, "some kernels cannot read it: \(text)")
    case .damage(let text):
      let message =
        "\(block) is damaged, and Linux cannot read it or reads something else: it \(text)"
      add(
        Finding(.error, kind, offset: offset, message), about: subject.map { [$0] } ?? [],
        loses: false)
      return
    }
    let isNew = state.withLock { $0.kernelMessages.insert(finding.message).inserted }
    if isNew { add(finding) }
  }

  /// Names an affected file in the findings about `subject`; those that have a name only count it.
  func addPath(_ path: [UInt8], of subject: Subject) {
    state.withLock { state in
      for place in state.subjects[subject] ?? [] {
        var known = state.kept[place.severity]![place.index]
        // A file can be affected in several ways.
        guard known.latestPath != path else { continue }
        known.latestPath = path
        if known.finding.path == nil {
          known.finding.path = Self.shortened(path)
        } else {
          known.finding.otherFiles += 1
        }
        state.kept[place.severity]![place.index] = known
      }
    }
  }

  /// Whether any findings lack the names of their files.
  var lacksPaths: Bool { state.withLock { !$0.subjects.isEmpty } }

  func isLost(_ subject: Subject) -> Bool { state.withLock { $0.lost.contains(subject) } }

  /// The most severe first, otherwise in the order found.
  var findings: [Finding] {
    let all = state.withLock { $0.kept.sorted { $0.key > $1.key }.flatMap(\.value) }
    return all.prefix(limit).map(\.finding)
  }
  func count(_ severity: Finding.Severity) -> Int { state.withLock { $0.counts[severity] ?? 0 } }
  /// The number of errors of a kind.
  func count(_ kind: Finding.Kind) -> Int { state.withLock { $0.errorKinds[kind] ?? 0 } }
}
