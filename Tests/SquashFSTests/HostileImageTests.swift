import Foundation
import Posix
import SquashFSFormat
import TestSupport
import Testing
import TreeModel

@testable import SquashFS

/// Images made to harm: each command ends soon, touches nothing outside, and `verify` reports it.
@Suite struct HostileImageTests {
  /// Reads an image in every way, and runs every command that reads images.
  ///
  /// - Parameter metadata: the unpacked size of its metadata, if that is more than the image.
  private func runAll(
    _ image: String, in folder: TemporaryFolder, metadata: UInt64 = 0
  ) throws {
    let size = UInt64(try folder.read(image).count)
    // Blocks have 4 KiB here; each is needed once.
    let limits = EffortLimits(
      file: size, metadata: max(metadata, size), dataBlocks: size / 4096 + 1)
    for reading in Reading.allCases {
      if let effort = try? reading.effort(of: folder.path(image)) {
        limits.check(effort, reading.rawValue)
      }
    }
    let commands = [
      ["verify", image], ["verify", "--quick", image], ["ls", "-laR", image], ["info", image],
      ["cat", image, "**"], ["manifest", image, "-q"],
      ["extract", image, "-C", "out", "-q"],
      ["extract", image, "-C", "out2", "--keep-going", "-q"],
      ["extract", image, "--to-tar", "out.tar", "-fq"], ["diff", image, image],
    ]
    for command in commands {
      let (result, needs) = try Tool.measure(
        [Tool.autosquash] + command, in: folder.root)
      #expect([0, 1, 2].contains(result.status), "\(command): \(result.summary.suffix(300))")
      if command[0] == "verify" { #expect(needs.memory < 128 << 20, "\(command)") }
    }
    if SystemTests.canMount { try OwnMount.expectSurvival(of: folder.path(image)) }
  }

  @Test func aDirectoryInItselfEnds() throws {
    var image = try PlainImage()
    try DamageTests.directoryCases.first { $0.name == "a directory in itself" }!.damage(&image)
    try image.folder.write("cycle.squash", image.bytes)
    try runAll("cycle.squash", in: image.folder)
  }

  @Test(arguments: ["..", "/x", ".\u{0}"]) func namesThatLeadOutsideAreRefused(name: String) throws
  {
    var image = try PlainImage()
    image.set(try image.name("xy", in: "/"), text: name)
    try image.folder.write("name.squash", image.bytes)
    try runAll("name.squash", in: image.folder)
    #expect(!(try verify(image.folder.path("name.squash")).isWhole))
    #expect(!image.folder.exists("x"))
  }

  /// The part of a target before a NUL would be another link.
  @Test func targetsWithANULAreRefused() throws {
    var image = try PlainImage()
    image.set(try image.inode("link") + 24 + 3, UInt8(0))
    try image.folder.write("i.squash", image.bytes)
    for options in [["-C", "out"], ["--to-tar", "out.tar"]] {
      let result = try Tool.run(
        [Tool.autosquash, "extract", "i.squash"] + options, in: image.folder.root)
      #expect(result.status != 0 && result.errors.contains("NUL"), "\(result.summary)")
      #expect(!image.folder.exists("out/link") && !image.folder.exists("out.tar"))
    }
  }

  @Test func namesThatAreTooLongForLinuxAreTold() throws {
    let folder = try TemporaryFolder()
    var image = CraftedImage()
    let fifo = image.addFifo(2)
    let name = String(repeating: "n", count: 256)
    let root = image.addDirectory(1, [.init(name: name, inode: fifo, number: 2, type: 6)])
    try folder.write("i.squash", image.build(root: root))
    let report = try verify(folder.path("i.squash"))
    #expect(!report.isWhole && report.findings.contains { $0.kind == .name }, "\(report.text)")
  }

  /// CVE-2021-41072: a link, then a directory of the same name whose files would go through it.
  @Test func aLinkAndADirectoryOfOneNameWriteNothingOutside() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir -p tree/aaa outside && ln -s \"$PWD/outside\" tree/aab && echo evil > tree/aaa/file",
      ],
      in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "--compression", "none", "-q"],
      in: folder.root)
    var bytes = try folder.read("i.squash")
    let wanted = Array("aaa".utf8)
    let place = bytes.indices.dropLast(3).last { bytes[$0..<$0 + 3].elementsEqual(wanted) }!
    // The link gets the name, and comes before the directory in sorted order.
    bytes.replaceSubrange(place..<place + 3, with: "aab".utf8)
    try folder.write("twice.squash", bytes)
    #expect(!(try verify(folder.path("twice.squash")).isWhole))
    for options in [[], ["--force"]] {
      let result = try Tool.run(
        [Tool.autosquash, "extract", "twice.squash", "-C", "out"] + options, in: folder.root)
      #expect([0, 1].contains(result.status), "\(result.summary)")
      #expect(!folder.exists("outside/file"))
    }
  }

  @Test(arguments: [
    ("inode count", 4, 4), ("fragment count", 16, 4), ("bytes used", 40, 8), ("id table", 48, 8),
    ("xattr table", 56, 8), ("inode table", 64, 8), ("directory table", 72, 8),
    ("fragment table", 80, 8), ("export table", 88, 8), ("root inode", 32, 8), ("ids", 26, 2),
  ])
  func hugeNumbersInTheSuperblockAreHarmless(field: (name: String, offset: Int, size: Int)) throws {
    let image = try PlainImage()
    for value in [UInt64.max, UInt64.max - 1, UInt64.max >> 1, 1 << 63, 0xffff_0000, 0] {
      var changed = image
      for byte in 0..<field.size {
        changed.bytes[field.offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
      }
      // The root's inode is the first.
      guard changed.bytes != image.bytes else { continue }
      try changed.folder.write("huge.squash", changed.bytes)
      let report = try? verify(changed.folder.path("huge.squash"))
      // All ones mean "no table" where there may be none.
      if value != .max { #expect(report?.isWhole != true, "\(field.name) \(value)") }
    }
    try runAll("huge.squash", in: image.folder)
  }

  @Test func deepTreesAreNoProblemUpToALimit() throws {
    let folder = try TemporaryFolder()
    for (depth, isWhole) in [(3000, true), (6000, false)] {
      let path = folder.path("deep\(depth).squash")
      let file = try AtomicFile(path: HostPath(path), replacing: true)
      var options = ImageWriter.Options()
      options.compression = Compression(.gzip)!
      let writer = try ImageWriter(file, options: options)
      let attributes = Attributes(permissions: 0o755, uid: 0, gid: 0, modified: 0)
      var tree = Tree(root: attributes)
      var parent = tree.root
      for _ in 0..<depth {
        let inode = tree.addInode(Tree.Inode(attributes: attributes, kind: .directory))
        parent = [UInt8(ascii: "d")].withUnsafeBytes {
          tree.addNode($0, in: parent, inode: inode)
        }
      }
      _ = try writer.finish(tree, modified: 0)
      try file.publish()
      #expect(try verify(path).isWhole == isWhole)
    }
    try runAll("deep6000.squash", in: folder, metadata: 512 << 10)
    let result = try Tool.run(
      [Tool.autosquash, "extract", "deep3000.squash", "-C", "deep"], in: folder.root)
    #expect(result.status == 0, "\(result.summary.suffix(300))")
  }

  /// A block of a few bytes that unpacks to far more than a block.
  @Test func blocksThatUnpackToTooMuchAreRefused() throws {
    var image = try PlainImage()
    // Images without compression say gzip: a zlib stream of a megabyte of zeros.
    let bomb = try Tool.check([
      "python3", "-c",
      "import sys, zlib; sys.stdout.buffer.write(zlib.compress(bytes(1 << 20)))",
    ]).output
    let start = Int(try image.record("dir/numbers").blocksStart32)
    image.bytes.replaceSubrange(start..<start + bomb.count, with: bomb)
    image.set(try image.inode("dir/numbers") + 32, UInt32(bomb.count))
    let report = try image.verify()
    #expect(
      report.findings.contains { $0.kind == .block && $0.path == Array("dir/numbers".utf8) },
      "\(report.text)")
    try runAll("damaged.squash", in: image.folder)
  }

  /// A terabyte of nothing: no command may take the time that so many bytes would.
  @Test func largeHolesCostNothing() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir tree && truncate -s 100G tree/hole"], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "--block-size", "1M", "-q"],
      in: folder.root)
    #expect(try verify(folder.path("i.squash")).isWhole)
    let result = try Tool.run(
      [Tool.autosquash, "extract", "i.squash", "-C", "out"], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      try Tool.check(["stat", "-c", "%s %b", "out/hole"], in: folder.root).text
        == "107374182400 0\n")
  }

  /// A table of 300,000 inodes in a few hundred bytes on disk.
  @Test func smallImagesWithManyInodesAreRead() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("many.squash")
    let file = try AtomicFile(path: HostPath(path), replacing: true)
    let writer = try ImageWriter(file, options: ImageWriter.Options())
    let attributes = Attributes(permissions: 0o644, uid: 0, gid: 0, modified: 0)
    var tree = Tree(root: attributes)
    for number in 0..<300_000 {
      let inode = tree.addInode(Tree.Inode(attributes: attributes, kind: .fifo))
      Array("n\(number)".utf8).withUnsafeBytes {
        _ = tree.addNode($0, in: tree.root, inode: inode)
      }
    }
    _ = try writer.finish(tree, modified: 0)
    try file.publish()
    let (verified, needs) = try Tool.measure([Tool.autosquash, "verify", path])
    #expect(verified.status == 0 && needs.memory < 128 << 20, "\(verified.summary)")
    let result = try Tool.run([Tool.autosquash, "ls", path, "n299999"])
    #expect(result.text == "n299999\n")
  }
}

/// What the kernel rejects although a library unpacks it.
@Suite struct KernelCheckTests {
  private func problem(
    _ command: String, compressor: String, blockSize: String = "128K", unpackedSize: Int = 100_000,
    end: UInt64? = nil
  ) throws -> KernelProblem? {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir tree && seq 1 30000 > tree/file"], in: folder.root)
    try Tool.check(
      [
        Tool.autosquash, "pack", "tree", "-o", "i.squash", "-q", "--compression", compressor,
        "--block-size", blockSize,
      ], in: folder.root)
    let image = try Image(ImageInput(path: Array(folder.path("i.squash").utf8)))
    let block = try Tool.check(["sh", "-c", "seq 1 20000 | \(command)"], in: folder.root).output
    return block.withUnsafeBytes {
      BlockWatch(image).problem(
        with: BlockWatch.Block(
          bytes: $0, unpackedSize: unpackedSize, room: max(unpackedSize, $0.count),
          start: (end ?? UInt64(block.count)) - UInt64(block.count)))
    }
  }

  @Test(
    arguments: [
      ("xz --check=crc32 --lzma2=dict=128KiB", nil), ("xz --check=none --lzma2=dict=64KiB", nil),
      ("xz --check=crc32 --x86 --lzma2=dict=128KiB", nil),
      ("xz --check=crc64 --lzma2=dict=128KiB", "check number 4"),
      ("xz --check=sha256 --lzma2=dict=128KiB", "check number 10"),
      ("xz --check=crc32 --lzma2=dict=256KiB", "a dictionary of 262144 bytes"),
      ("xz --check=crc32 --delta --lzma2=dict=128KiB", "filter number 3"),
      ("xz --check=crc32 --x86=start=4096 --lzma2=dict=128KiB", "with an offset"),
      ("xz --check=crc32 --x86 --arm --lzma2=dict=128KiB", "3 filters"),
    ] as [(String, String?)])
  func xzBlocks(command: String, problem expected: String?) throws {
    try expect(problem("\(command) -c", compressor: "xz"), expected)
  }

  @Test(
    arguments: [
      ("zstd -c --stream-size=4000", nil), ("zstd --long=27 --no-content-size -c", "window"),
    ]
      as [(String, String?)])
  func zstdBlocks(command: String, problem expected: String?) throws {
    try expect(
      problem(
        expected == nil ? "head -c 4000 | \(command)" : "(cat; seq 1 99999) | \(command)",
        compressor: "zstd"), expected)
  }

  /// With all its pages full, the kernel still needs the checksum, but reads no more of the block.
  @Test func zstdChecksumsBehindTheEndOfAPage() throws {
    func problem(_ options: String, _ size: Int, _ end: UInt64) throws -> KernelProblem? {
      try self.problem(
        "head -c \(size) | zstd -c --stream-size=\(size) \(options)", compressor: "zstd",
        unpackedSize: size, end: end)
    }
    for rest in UInt64(1)...4 {
      try expect(problem("--check", 8192, 4096 * 5 + rest), "checksum")
      try expect(problem("--no-check", 8192, 4096 * 5 + rest), nil)
      try expect(problem("--check", 8191, 4096 * 5 + rest), nil)
    }
    try expect(problem("--check", 8192, 4096 * 5), nil)
    try expect(problem("--check", 8192, 4096 * 5 + 5), nil)
  }

  private func expect(_ found: KernelProblem?, _ expected: String?) {
    switch (found, expected) {
    case (nil, nil): break
    case (.allKernels(let text)?, let part?): #expect(text.contains(part))
    default: Issue.record("\(String(describing: found)) for \(expected ?? "nothing")")
    }
  }

  /// Newer kernels have two more filters; our xz can write one of them.
  @Test func filtersOfNewerKernelsAreNoErrors() throws {
    let found = try problem("xz -c --check=crc32 --arm64 --lzma2=dict=128KiB", compressor: "xz")
    #expect(found == .olderKernels("the xz filter arm64, which needs Linux 6.12"))
  }

  /// A filter unknown to the library is not damage.
  @Test func unknownFiltersAreNoDamage() throws {
    let script = """
      import struct, sys, zlib
      head = b"\\xfd7zXZ\\0" + b"\\0\\1" + struct.pack("<I", zlib.crc32(b"\\0\\1"))
      block = bytes([2, 1, 0x3f, 0, 0x21, 1, 6, 0])
      sys.stdout.buffer.write(head + block + struct.pack("<I", zlib.crc32(block)) + bytes(64))
      """
    let block = try Tool.check(["python3", "-c", script]).output
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
    defer { output.deallocate() }
    let error = #expect(throws: CodecError.self) {
      try block.withUnsafeBytes { _ = try XZDecompressor().decompress($0, into: output) }
    }
    #expect(error?.asReadError("a block", at: 0).code == .unsupported, "\(error!)")
  }
}
