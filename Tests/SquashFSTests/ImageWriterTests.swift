import Posix
import SquashFS
import SquashFSFormat
import TestSupport
import Testing
import TreeModel

/// Images made through the writer alone, checked by unsquashfs.
@Suite struct ImageWriterTests {
  /// A file as pieces: bytes, or a hole.
  enum Piece {
    case bytes([UInt8])
    case hole(Int)

    var plain: [UInt8] {
      switch self {
      case .bytes(let bytes): bytes
      case .hole(let count): [UInt8](repeating: 0, count: count)
      }
    }
  }

  private func write(
    _ files: [[Piece]], blockSize: Int = 4096, method: Compression.Method = .gzip,
    announcesSizes: Bool = true, to folder: TemporaryFolder
  ) throws -> ImageWriter.Summary {
    var options = ImageWriter.Options()
    options.compression = Compression(method)!
    options.blockSize = BlockSize(byteCount: blockSize)!
    options.threads = 2
    let file = try AtomicFile(path: HostPath(folder.path("image")), replacing: true)
    let writer = try ImageWriter(file, options: options)
    let attributes = Attributes(permissions: 0o755, uid: 0, gid: 0, modified: 0)
    var tree = Tree(root: attributes)
    for (number, pieces) in files.enumerated() {
      let size = pieces.reduce(0) { $0 + $1.plain.count }
      try writer.content.begin(size: announcesSizes ? UInt64(size) : nil)
      for piece in pieces {
        switch piece {
        case .bytes(let bytes): try bytes.withUnsafeBytes { try writer.content.append($0) }
        case .hole(let count): try writer.content.addHole(UInt64(count))
        }
      }
      let content = try writer.content.end()
      let inode = tree.addInode(Tree.Inode(attributes: attributes, kind: .regular(content)))
      Array("f\(number)".utf8).withUnsafeBytes { _ = tree.addNode($0, in: tree.root, inode: inode) }
    }
    let summary = try writer.finish(tree, modified: 0)
    try file.publish()
    return summary
  }

  private func expectContents(_ files: [[Piece]], in folder: TemporaryFolder) throws {
    try Tool.check(["rm", "-rf", folder.path("out")])
    try Tool.check(["unsquashfs", "-n", "-d", folder.path("out"), folder.path("image")])
    for (number, pieces) in files.enumerated() {
      #expect(try folder.read("out/f\(number)") == pieces.flatMap(\.plain), "f\(number)")
    }
  }

  /// Files made of few different blocks, in all combinations of equal starts, ends and holes.
  @Test(arguments: [1, 2, 3, 4] as [UInt64], [true, false])
  func randomFilesOfSharedBlocksComeBack(seed: UInt64, announcesSizes: Bool) throws {
    var random = SeededGenerator(seed)
    let blocks = (0..<4).map { _ in
      (0..<4096).map { _ in UInt8.random(in: 0...3, using: &random) }
    }
    let tails = (0..<3).map { _ in
      (0..<Int.random(in: 1..<4096, using: &random)).map { _ in
        UInt8.random(in: 0...9, using: &random)
      }
    }
    let files = (0..<120).map { _ in
      var pieces: [Piece] = []
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: pieces.append(.hole(4096))
        case 1: pieces.append(.hole(Int.random(in: 1...10_000, using: &random)))
        default: pieces.append(.bytes(blocks.randomElement(using: &random)!))
        }
      }
      if Bool.random(using: &random) { pieces.append(.bytes(tails.randomElement(using: &random)!)) }
      return pieces
    }
    let folder = try TemporaryFolder()
    _ = try write(files, announcesSizes: announcesSizes, to: folder)
    try expectContents(files, in: folder)
  }

  private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  @Test func duplicatesAreStoredOnce() throws {
    let data = Self.noise(50_000, seed: 1)
    let folder = try TemporaryFolder()
    let once = try write([[.bytes(data)]], to: folder)
    let files: [[Piece]] = [[.bytes(data)], [.bytes(data)], [.bytes(Array(data))]]
    let thrice = try write(files, to: folder)
    #expect(thrice.data.storedBytes == once.data.storedBytes)
    #expect(thrice.data.duplicateBytes == 100_000)
    try expectContents(files, in: folder)
  }

  /// A file equal to another up to its last block shares nothing, and is intact.
  @Test func almostDuplicatesAreWhole() throws {
    let data = Self.noise(5 * 4096, seed: 2)
    var other = data
    other[4 * 4096 + 17] ^= 1
    var shorter = data
    shorter.removeLast(4096)
    let files: [[Piece]] = [[.bytes(data)], [.bytes(other)], [.bytes(shorter)], [.bytes(other)]]
    let folder = try TemporaryFolder()
    let summary = try write(files, to: folder)
    #expect(summary.data.duplicateBytes == 5 * 4096)
    try expectContents(files, in: folder)
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 8192, 12_289])
  func sizesAroundTheBlockSize(count: Int) throws {
    for method in Compression.Method.allCases {
      let files: [[Piece]] = [
        [.bytes(Self.noise(count, seed: 3))], [.bytes([UInt8](repeating: 7, count: count))],
        [.hole(count)],
      ]
      let folder = try TemporaryFolder()
      _ = try write(files, method: method, to: folder)
      try expectContents(files, in: folder)
    }
  }

  @Test func incompressibleDataIsStored() throws {
    let folder = try TemporaryFolder()
    let summary = try write(
      [[.bytes(Self.noise(1 << 20, seed: 4))]], blockSize: 131_072, method: .xz, to: folder)
    #expect(summary.data.storedPlainBlocks == 8)
    #expect(summary.data.storedBytes == 1 << 20)
  }
}
