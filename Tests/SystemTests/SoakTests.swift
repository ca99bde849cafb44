import Foundation
import Glibc
import TestSupport
import Testing

/// The same work over and over, to see what each round leaves behind; `make soak` runs it for long.
enum Soak {
  static let rounds =
    ProcessInfo.processInfo.environment["SOAK_ROUNDS"].flatMap { Int($0) } ?? 3
}

@Suite(.serialized) struct PackSoakTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func makeTree(_ random: inout SeededGenerator) throws {
    try Tool.check(["rm", "-rf", "tree", "out"], in: folder.root)
    try Tool.check(["mkdir", "-p", "tree/a/b", "tree/c"], in: folder.root)
    for number in 0..<Int.random(in: 1...40, using: &random) {
      let place = ["", "a/", "a/b/", "c/"].randomElement(using: &random)!
      let unit = (0..<Int.random(in: 1...300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let count = [0, 1, 3, 200, 2000].randomElement(using: &random)!
      try folder.write(
        "tree/\(place)\(number)", [UInt8]([[UInt8]](repeating: unit, count: count).joined()))
    }
  }

  @Test func packVerifyExtract() throws {
    var random = SeededGenerator(20)
    for round in 1...Soak.rounds {
      try makeTree(&random)
      let method = ["xz", "gzip", "zstd", "lz4", "none"].randomElement(using: &random)!
      let layout = ["standard", "front"].randomElement(using: &random)!
      let steps = [
        ["pack", "tree", "-f", "-q", "-o", "image", "--compression", method, "--layout", layout],
        ["verify", "image", "--against", "tree"], ["extract", "image", "-C", "out", "-q"],
        ["diff", "out", "tree", "--ignore", "owner"],
      ]
      for step in steps {
        // If the program is built with AddressSanitizer, a leak is a failure.
        let result = try Tool.run(
          [Tool.autosquash] + step, in: folder.root, environment: ["ASAN_OPTIONS": "detect_leaks=1"]
        )
        #expect(result.status == 0, "round \(round), \(step): \(result.summary)")
      }
      #expect(folder.names(in: ".").sorted() == ["image", "out", "tree"], "round \(round)")
    }
  }

  /// One process needs no more memory for many images than for two.
  @Test func memoryDoesNotGrow() throws {
    var random = SeededGenerator(21)
    try makeTree(&random)
    let count = 20 * Soak.rounds
    for number in 0..<count {
      try Tool.check(["cp", "-r", "tree", "t\(number)"], in: folder.root)
    }
    func memory(_ command: [String], _ names: (Int) -> String, _ count: Int) throws -> Int {
      let (result, needs) = try Tool.measure(
        [Tool.autosquash] + command + (0..<count).map(names), in: folder.root)
      #expect(result.status == 0, "\(result.summary.suffix(500))")
      return needs.memory
    }
    for (command, names) in [
      (["pack", "-f", "-q"], { "t\($0)" }), (["verify", "-q"], { "t\($0).squash" }),
    ] as [([String], (Int) -> String)] {
      let few = try memory(command, names, 2)
      let many = try memory(command, names, count)
      #expect(many < few * 5 / 4 + 8 << 20, "\(command): \(few) bytes for 2, \(many) for \(count)")
    }
  }
}

extension AutomountSystemTests {
  @Suite struct MountSoakTests {
    @Test func mountAndExpire() throws {
      let lab = try AutofsLab(timeout: 1)
      let names = ["plain", "with space", "quote\"d"]
      for name in names { try lab.add(Array(name.utf8), id: name) }
      let daemon = try #require(lab.daemon).process
      func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(daemon)/fd").count
      }
      /// In pages.
      func memory() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(daemon)/statm", encoding: .utf8)
        return Int(text.split(separator: " ")[1]) ?? 0
      }
      var first: (descriptors: Int, memory: Int)?
      for round in 1...Soak.rounds {
        for name in names { #expect(lab.id(Array(name.utf8)) == name, "round \(round)") }
        #expect(lab.access("nothing") == ENOENT)
        #expect(eventually { lab.mounted.isEmpty }, "round \(round): \(lab.mounted) are left")
        first = try first ?? (descriptors(), memory())
      }
      #expect(try eventually { try lab.loopDevices() == 0 })
      let before = try #require(first)
      #expect(try eventually { try descriptors() <= before.descriptors })
      // Its threads have their own memory, which comes and goes.
      #expect(try memory() < before.memory * 2 + 4096)
      // The map that found nothing ends at once; the one that keeps an image's file open, soon.
      #expect(
        try eventually {
          try Tool.run(["pgrep", "-f", "\(lab.folder.root)"]).text.split(separator: "\n")
            .filter { $0 != "\(daemon)" }.isEmpty
        })
    }
  }
}
