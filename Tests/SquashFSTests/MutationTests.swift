import FileTrees
import Foundation
import Glibc
import Manifests
import Posix
import SquashFSFormat
import TestSupport
import Testing
import TreeModel

@testable import SquashFS

/// Randomly changed images: nothing traps, hangs or takes much memory, and if `verify` calls one
/// intact, it has the contents that were packed.
@Suite(.serialized) struct MutationTests {
  /// Contents that compress, so that every block has the checksum of its codec.
  private static let source = #"""
    set -e
    mkdir -p tree/a/b
    seq 1 3000 > tree/numbers
    seq 5 900 > tree/a/more
    for i in 1 2 3 4 5 6 7 8 9; do seq $i 300 > tree/a/b/file-$i; done
    ln tree/numbers tree/a/link
    ln -s ../numbers tree/a/symlink
    (seq 1 500; head -c 20000 /dev/zero; seq 1 99) > tree/sparse
    mkfifo tree/fifo
    setfattr -n user.note -v "$(seq 1 60)" tree/numbers
    touch -d @1600000000 tree
    """#

  /// The mutations of each codec's image; without optimization they take four times as long.
  #if DEBUG
    private static let count = 500
  #else
    private static let count = 2000
  #endif

  @Test(arguments: ["xz", "gzip", "zstd", "lz4", "lzo", "lzma"])
  func mutationsAreHarmlessAndFound(codec: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", Self.source], in: folder.root)
    // Half of the images are ours: all that pack can write except gzip.
    try Tool.check(
      ["lzo", "lzma", "gzip"].contains(codec)
        ? [
          "mksquashfs", "tree", "i.squash", "-comp", codec, "-b", "4096", "-quiet", "-no-progress",
        ]
        : [
          Tool.autosquash, "pack", "tree", "-o", "i.squash", "--compression", codec,
          "--block-size", "4K", "-q",
        ], in: folder.root)
    try Tool.check([Tool.autosquash, "manifest", "i.squash", "-o", "i.mtree"], in: folder.root)
    let original = try folder.read("i.squash")
    let used = try open("i.squash", in: folder).superblock
    let expected = try contents(of: open("i.squash", in: folder))
    // The image has ten blocks of files and half a kibibyte of metadata; inodes, names and rows are
    // read some hundred times.
    let limits = EffortLimits(
      file: UInt64(original.count), metadata: 4096, passes: 1, dataBlocks: 16)
    for seed in 0..<Self.count {
      var random = SeededGenerator(UInt64(seed))
      let bytes = mutate(original, used: Int(used.bytesUsed), &random)
      try folder.write("m.squash", bytes)
      if seed % 50 == 0 { try measure("m.squash", in: folder, "\(codec), seed \(seed)") }
      let report = try? verify(folder.path("m.squash"), threads: 1)
      if let report { limits.check(Effort(work: report.work), "\(codec), seed \(seed)") }
      // No kernel supports lzma, whatever else is wrong.
      if report?.isWhole == true || report?.isOnlyUnmountable == true && codec == "lzma" {
        let found = try contents(of: open("m.squash", in: folder))
        guard found != expected else { continue }
        // Blocks of the others have no checksum; a manifest shows the change.
        #expect(!["xz", "gzip"].contains(codec), "\(codec), seed \(seed): \(report!.text)")
        let compared = try Tool.autosquash(
          "verify", "m.squash", "--manifest", "i.mtree", in: folder.root)
        #expect(
          compared.status == 1 && compared.text.contains("whole, but differs from "),
          "\(codec), seed \(seed): \(compared.summary)")
      } else {
        // Reading damage must be harmless too.
        if let image = try? open("m.squash", in: folder) {
          _ = try? contents(of: image)
          limits.check(Effort(work: image.work), "\(codec), seed \(seed)")
        }
      }
    }
  }

  private func open(_ image: String, in folder: TemporaryFolder) throws -> Image {
    try Image(ImageInput(path: Array(folder.path(image).utf8)))
  }

  /// Runs the program itself, to measure its memory.
  private func measure(_ image: String, in folder: TemporaryFolder, _ name: String) throws {
    for command in ["verify", "manifest"] {
      let (result, needs) = try Tool.measure([Tool.autosquash, command, image], in: folder.root)
      #expect([0, 1, 2].contains(result.status), "\(name), \(command): \(result.summary)")
      #expect(needs.memory < 128 << 20, "\(name), \(command)")
    }
  }

  /// A few bytes changed, or a piece of the image overwritten, moved or cut off.
  private func mutate(
    _ original: [UInt8], used: Int, _ random: inout SeededGenerator
  ) -> [UInt8] {
    var bytes = original
    /// A place; the superblock and the tables at the end get more than their share.
    func place() -> Int {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: Int.random(in: 0..<96, using: &random)
      case 1, 2, 3: Int.random(in: used * 3 / 4..<used, using: &random)
      default: Int.random(in: 0..<used, using: &random)
      }
    }
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let at = place()
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] = [0, 0xff, 0x7f, 0x80].randomElement(using: &random)!
      case 2:
        let end = min(used, at + Int.random(in: 1...64, using: &random))
        for index in at..<end { bytes[index] = 0 }
      case 3:
        let count = min(Int.random(in: 1...200, using: &random), used - at)
        let from = Int.random(in: 0...used - count, using: &random)
        bytes.replaceSubrange(at..<at + count, with: original[from..<from + count])
      case 4 where Int.random(in: 0..<10, using: &random) == 0: bytes.removeLast(used - at)
      default: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      if bytes.count < used { break }
    }
    return bytes
  }

  /// Paths and digests of all files.
  private func contents(of image: Image) throws -> [String] {
    let sink = DigestSink()
    let assembler = TreeAssembler(TreeAssembler.Options(), content: sink)
    try ImageSource(image, threads: 1).read(into: assembler)
    let tree = try assembler.finish()
    return tree.liveNodes.map { node in
      let path = tree.path(of: node).escapedName
      switch tree[tree.inode(of: node)].kind {
      case .regular(let id): return "\(path) \(sink.contents[Int(id.number)]!.digest!.hexadecimal)"
      case .symlink(let target): return "\(path) -> \(tree.target(target).escapedName)"
      default: return path
      }
    }.sorted()
  }
}
