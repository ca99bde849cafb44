import Foundation
import TestSupport
import Testing

/// The compressors' options: what images record, and what other readers say of them.
@Suite struct CompressionTests {
  private let folder: TemporaryFolder

  /// A program, a text, and data that does not shrink.
  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir tree; cp /bin/bash tree/program; seq 1 40000 >tree/numbers
        head -c 300000 /dev/urandom >tree/noise; tail -c +100 /bin/bash | head -c 70000 >tree/part
        """,
      ], in: folder.root)
  }

  private func pack(_ options: [String]) throws -> Int {
    let packed = try Tool.run(
      [Tool.autosquash, "pack", "tree", "-q", "-f", "-o", "image"] + options, in: folder.root)
    try #require(packed.status == 0, "\(packed.summary)")
    let verified = try Tool.autosquash("verify", "image", "--against", "tree", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    #expect(!verified.summary.contains("warning"), "\(verified.summary)")
    return try folder.read("image").count
  }

  private func info() throws -> String {
    try Tool.autosquash("info", "image", in: folder.root).text
  }

  #if arch(x86_64)
    @Test func theFilterIsRecorded() throws {
      let filtered = try pack([])
      #expect(try info().contains("compressor             xz, dictionary 131 kB, x86\n"))
      #expect(try info().contains("CONFIG_SQUASHFS_XZ, CONFIG_XZ_DEC_X86"))
      let seen = try Tool.check(["unsquashfs", "-s", "image"], in: folder.root).text
      #expect(seen.contains("Dictionary size 131072") && seen.contains("x86"), "\(seen)")
      let verified = try Tool.autosquash("verify", "-v", "image", in: folder.root)
      #expect(verified.summary.contains("CONFIG_XZ_DEC_X86"), "\(verified.summary)")
      let plain = try pack(["--bcj", "none"])
      #expect(try !info().contains("x86") && !info().contains("CONFIG_XZ_DEC"))
      #expect(filtered < plain)
    }

    /// A filter that no block got is not asked of the kernel.
    @Test func aFilterWithoutCodeIsNotRecorded() throws {
      for options in [["--bcj", "arm64,powerpc"], ["--exclude", "program", "--exclude", "part"]] {
        _ = try Tool.check(
          [Tool.autosquash, "pack", "tree", "-q", "-f", "-o", "image"] + options, in: folder.root)
        #expect(try !info().contains("CONFIG_XZ_DEC"), "\(options)")
        let seen = try Tool.check(["unsquashfs", "-s", "image"], in: folder.root).text
        #expect(seen.contains("No filters specified"), "\(seen)")
      }
    }
  #endif

  @Test(arguments: ["1", "2", "4"]) func theThreadsDoNotMatter(threads: String) throws {
    _ = try pack(["--threads", "1"])
    let expected = try folder.read("image")
    _ = try pack(["--threads", threads])
    #expect(try folder.read("image") == expected)
  }

  /// Each level of gzip, and what unsquashfs makes of it: it knows none above 9.
  @Test(arguments: [1, 5, 9, 10, 12]) func levelsOfGzip(level: Int) throws {
    _ = try pack(["--compression", "gzip", "--level", "\(level)"])
    let seen = try Tool.check(["unsquashfs", "-s", "image"], in: folder.root).text
    #expect(seen.contains("Compression gzip\n"), "\(seen)")
    #expect(seen.contains("compression-level \(level)") == (level < 9), "\(seen)")
  }

  @Test func higherLevelsOfXZAreNotLarger() throws {
    var sizes: [Int] = []
    for level in [0, 3, 4, 5, 6, 7, 8, 9] { sizes.append(try pack(["--level", "\(level)"])) }
    #expect(sizes == sizes.sorted(by: >=), "\(sizes)")
  }

  @Test(arguments: [
    (["--bcj", "x68"], "The value 'x68' is invalid for '--bcj"),
    (["--bcj", ""], "The value '' is invalid for '--bcj"),
    (["--bcj", "x86,"], "is invalid for '--bcj"),
    (["--bcj", "riscv"], "The value 'riscv' is invalid for '--bcj"),
    (["--bcj", "x86", "--compression", "zstd"], "--bcj is for --compression xz."),
    (["--level", "13", "--compression", "gzip"], "The level for gzip is from 1 to 12."),
  ])
  func wrongChoicesAreRefused(options: [String], message: String) throws {
    let result = try Tool.run(
      [Tool.autosquash, "pack", "tree", "-o", "image"] + options, in: folder.root)
    #expect(result.status == 64)
    #expect(result.summary.contains(message), "\(result.summary)")
    #expect(!folder.exists("image"))
  }
}
