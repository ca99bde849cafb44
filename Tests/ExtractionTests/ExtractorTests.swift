import Extraction
import FileTrees
import Foundation
import Glibc
import SquashFS
import Synchronization
import TestSupport
import Testing

/// Images are unpacked into directories, without running the program.
@Suite struct ExtractorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Keeps the reports.
  private final class Reports: ExtractionReporter {
    private let list = Mutex<[String]>([])
    var all: [String] { list.withLock { $0.sorted() } }

    func couldNotMake(_ path: [UInt8], _ reason: String) {
      list.withLock { $0.append("\(String(decoding: path, as: UTF8.self)): \(reason)") }
    }
    func lost(_ loss: Extractor.Loss) {
      let path = loss.path.map { String(decoding: $0, as: UTF8.self) } ?? "image"
      list.withLock { $0.append("\(path): \(loss.text)") }
    }
  }

  /// - Parameter paths: the selection; none stands for everything.
  @discardableResult
  private func extract(
    _ image: Image, _ paths: [String] = [], _ change: (inout Extractor.Options) -> Void = { _ in }
  ) throws -> (result: Extractor.Result, reports: [String]) {
    var options = Extractor.Options()
    options.threads = 2
    change(&options)
    let reports = Reports()
    var filter = PathFilter(paths.map { Array($0.utf8) }) { _ in false }
    let extractor = Extractor(
      image, into: Array(folder.path("out").utf8), options, reporter: reports)
    let result = try extractor.run(&filter)
    return (result, reports.all)
  }

  /// The directory as a source has it, with owners where this user could set them.
  private func lines(_ facts: Set<Fact> = []) throws -> [String] {
    let sink = MemorySink()
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    let assembler = TreeAssembler(options, content: sink)
    try DirectorySource(path: Array(folder.path("out").utf8)).read(into: assembler)
    return try assembler.finish().lines(sink.contents, facts)
  }

  private static let all = [
    "d d", "f d/a hello", "h d/b = d/a", "d e", "f e/empty", "l l -> d/a", "p p",
  ]

  @Test func everythingComesOut() throws {
    let image = try SampleImage(Self.all).image
    let (result, reports) = try extract(image)
    #expect(try lines() == Self.all && reports == [])
    #expect(result.isComplete && result.made == 7 && result.bytes == 5)
  }

  @Test func modesAndTimesAreThoseOfTheImage() throws {
    let own = "owner=\(getuid()):\(getgid())"
    let entries = [
      "d d mode=2700 \(own) time=7", "f d/a x mode=4751 \(own) time=8",
      "f d/b mode=600 \(own) time=9",
      "l d/c -> a mode=777 \(own) time=10",
    ]
    try extract(SampleImage(entries).image)
    let isRoot = geteuid() == 0
    #expect(
      try lines([.mode, .owner, .time])
        == entries.map { isRoot ? $0 : $0.replacingOccurrences(of: "4751", with: "751") })
  }

  /// Several pieces of a file, with holes, on several threads.
  @Test func largeFilesComeOutWhole() throws {
    let text = String(repeating: "0123456789abcdef", count: 100_000)
    let image = try SampleImage(["f a \(text)", "f b \(text)x"]).image
    #expect(try extract(image) { $0.threads = 4 }.result.bytes == 3_200_001)
    #expect(try lines() == ["f a \(text)", "f b \(text)x"])
  }

  @Test(
    arguments: [
      (["d/a"], ["d d", "f d/a hello"], []),
      (["d"], ["d d", "f d/a hello", "h d/b = d/a"], []),
      (["/d/", "./l"], ["d d", "f d/a hello", "h d/b = d/a", "l l -> d/a"], []),
      (["*/a"], ["d d", "f d/a hello"], []),
      (["**/e*"], ["d e", "f e/empty"], []),
      (["d/a", "x"], ["d d", "f d/a hello"], ["x"]),
      (["d/b"], ["d d", "f d/b hello"], []),
    ] as [([String], [String], [String])])
  func whatIsChosenComesOut(paths: [String], result: [String], missing: [String]) throws {
    let image = try SampleImage(Self.all).image
    let found = try extract(image, paths).result
    #expect(try lines() == result)
    #expect(found.missing == missing.map { Array($0.utf8) })
    #expect(found.isComplete == missing.isEmpty)
  }

  @Test func nothingIsLeftBehindWhereNothingIsFound() throws {
    let result = try extract(SampleImage(Self.all).image, ["x"]).result
    #expect(result.isTakenBack && !folder.exists("out"))
  }

  /// An existing directory and its contents stay unchanged.
  @Test(
    arguments: [
      ([], ["f a theirs", "f b 2"], ["a"], []),
      (["replaces"], ["f a 1", "f b 2"], [], []),
      (["keepsSame"], ["f a theirs", "f b 2"], ["a"], []),
    ] as [([String], [String], [String], [String])])
  func filesThatExistStay(
    options: [String], result: [String], existing: [String], reports: [String]
  ) throws {
    mkdir(folder.path("out"), 0o755)
    try folder.write("out/a", Array("theirs".utf8))
    let found = try extract(SampleImage(["f a 1", "f b 2"]).image) {
      $0.replaces = options.contains("replaces")
      $0.keepsSame = options.contains("keepsSame")
    }
    #expect(try lines() == result && found.reports == reports)
    #expect(found.result.existing.count == existing.count)
    #expect(found.result.existing.first == existing.map { Array($0.utf8) })
    #expect(found.result.errors == existing.count)
  }

  @Test func anEarlierRunIsCompleted() throws {
    let image = try SampleImage(Self.all).image
    try extract(image)
    unlink(folder.path("out/d/a"))
    let result = try extract(image) { $0.keepsSame = true }.result
    #expect(result.isComplete && result.made == 1 && result.kept == 4)
    // The other name stays, as a copy.
    let lines = try lines()
    #expect(lines == Self.all.map { $0 == "h d/b = d/a" ? "f d/b hello" : $0 })
  }

  @Test(arguments: [
    ("d", "f d theirs", "d: exists and is not a directory; --force replaces it"),
    ("d", "l d -> /", "d: exists and is not a directory; --force replaces it"),
    ("f", "d f", "f: a directory of that name is in the way; remove it first"),
  ])
  func whatIsInTheWayIsReported(name: String, theirs: String, report: String) throws {
    mkdir(folder.path("out"), 0o755)
    switch theirs.first {
    case "d": mkdir(folder.path("out/\(name)"), 0o755)
    case "l": symlink("/", folder.path("out/\(name)"))
    default: try folder.write("out/\(name)", Array("theirs".utf8))
    }
    let image = try SampleImage(name == "d" ? ["d d", "f d/a 1"] : ["f f 1"]).image
    let found = try extract(image) { $0.replaces = name == "f" }
    #expect(found.reports == [report])
    #expect(found.result.errors == 1 && !found.result.isComplete)
  }

  /// No link on the way is followed, whoever made it.
  @Test func linksInTheWayLeadNowhere() throws {
    mkdir(folder.path("out"), 0o755)
    mkdir(folder.path("other"), 0o755)
    symlink("../other", folder.path("out/d"))
    try extract(SampleImage(["d d", "f d/a 1"]).image)
    #expect(folder.names(in: "other") == [])
    try extract(SampleImage(["d d", "f d/a 1"]).image) { $0.replaces = true }
    #expect(folder.names(in: "other") == [])
    #expect(try lines() == ["d d", "f d/a 1"])
  }

  @Test func attributesFollowThePolicy() throws {
    let image = try SampleImage(["f a x x:user.note=1 x:security.selinux=2"]).image
    let result = try extract(image).result
    #expect(
      result.warnings.contains(
        "1 machine-specific extended attribute left out (such as security.selinux); --xattrs all "
          + "keeps it"))
    #expect(
      try extract(image) {
        $0.xattrs = .none
        $0.replaces = true
      }.result.warnings == [])
  }

  /// An unreadable block of a file ends the work, or is reported as lost.
  @Test func damageIsReported() throws {
    var random = SeededGenerator(1)
    let noise = String(
      decoding: (0..<20_000).map { _ in UInt8.random(in: 97...122, using: &random) }, as: UTF8.self)
    let sample = try SampleImage(["f a 1", "f b \(noise)"])
    let file = open(String(decoding: sample.path, as: UTF8.self), O_WRONLY)
    let junk = [UInt8](repeating: 0xff, count: 64)
    #expect(pwrite(file, junk, junk.count, 100) == junk.count)
    close(file)
    let image = try Image(ImageInput(path: sample.path))
    let stopped = try extract(image).result
    #expect((stopped.failure as? ImageReadError)?.message.starts(with: "b: ") == true)
    let kept = try extract(image) {
      $0.keepsGoing = true
      $0.replaces = true
    }
    #expect(kept.result.failure == nil && kept.result.lost == 1 && !kept.result.isComplete)
    #expect(kept.reports.count == 1)
    let report = "b: lost: 4096 of 20000 bytes cannot be read (0-4095); the rest is in b.damaged"
    #expect(kept.reports.allSatisfy { $0.hasPrefix(report) }, "\(kept.reports)")
    #expect(folder.names(in: "out") == ["a", "b.damaged"])
  }

  @Test func progressCountsBytes() throws {
    var filter = PathFilter([]) { _ in false }
    var calls = 0
    let extractor = Extractor(
      try SampleImage(Self.all).image, into: Array(folder.path("out").utf8), .init(),
      reporter: Reports())
    let result = try extractor.run(&filter) { bytes in
      #expect(bytes <= 5)
      calls += 1
    }
    #expect(calls == 7 && result.bytes == 5)
  }
}
