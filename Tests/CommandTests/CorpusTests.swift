import Foundation
import TestSupport
import Testing

/// Runs the program on the fuzzers' seeds: each command works or says why not.
@Suite struct CorpusTests {
  private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzz/corpus")
    .path

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func files(_ part: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(corpus)/\(part)")) ?? []).sorted()
      .map { "\(corpus)/\(part)/\($0)" }
  }

  private func run(_ arguments: String...) throws -> Int32 {
    let result = try Tool.run([Tool.autosquash] + arguments, in: folder.root)
    #expect([0, 1, 2].contains(result.status), "\(arguments): \(result.summary)")
    #expect(result.status == 0 || !result.summary.isEmpty, "\(arguments)")
    return result.status
  }

  @Test func images() throws {
    let images = Self.files("images")
    #expect(images.count >= 10)
    for image in images {
      let isWhole = try run("verify", image) == 0
      let results = [
        try run("ls", "-lR", image),
        try run("extract", image, "-C", "out", "--force"),
        try run("extract", image, "--to-tar", "out.tar", "--force"),
        try run("diff", image, image),
      ]
      if isWhole { #expect(results.allSatisfy { $0 == 0 }, "\(image)") }
    }
  }

  @Test func archives() throws {
    let archives = Self.files("archives")
    #expect(archives.count >= 10)
    for archive in archives {
      guard try run("pack", archive, "-o", "image", "--force") == 0 else { continue }
      #expect(try run("verify", "image", "--against", archive) == 0, "\(archive)")
    }
  }
}
