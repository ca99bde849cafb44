import Posix
import SquashFS
import SquashFSFormat
import TestSupport
import TreeModel

/// A tree to write with `ImageWriter`, made of few different blocks and ends, so that its files have
/// equal starts, ends and holes in all combinations.
struct MadeTree {
  enum Piece {
    case bytes([UInt8])
    case hole(Int)

    var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .hole(let count): count
      }
    }
  }

  struct File {
    var pieces: [Piece]
    /// Its place in an access order.
    var rank: UInt32?
    /// Whether it is dropped after its last piece.
    var isAbandoned = false
  }

  var files: [File]

  /// - Parameters:
  ///   - count: the number of files.
  ///   - hasRanks: whether a third of the files is in an access order.
  ///   - losesFiles: whether some files are abandoned.
  init(seed: UInt64, count: Int, blockSize: Int, hasRanks: Bool, losesFiles: Bool) {
    var random = SeededGenerator(seed)
    let blocks = (0..<4).map { number in
      (0..<blockSize).map { _ in
        // The last one is stored as it is.
        UInt8.random(in: 0...(number == 3 ? 255 : 9), using: &random)
      }
    }
    let tails = (0..<12).map { _ in
      (0..<Int.random(in: 1..<blockSize, using: &random)).map { _ in
        UInt8.random(in: 0...9, using: &random)
      }
    }
    func pieces() -> [Piece] {
      var pieces: [Piece] = []
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: pieces.append(.hole(blockSize))
        case 1: pieces.append(.hole(Int.random(in: 1...3 * blockSize, using: &random)))
        default: pieces.append(.bytes(blocks.randomElement(using: &random)!))
        }
      }
      if Bool.random(using: &random) { pieces.append(.bytes(tails.randomElement(using: &random)!)) }
      return pieces
    }
    var files: [File] = []
    for _ in 0..<count {
      var file = File(pieces: pieces())
      if let earlier = files.randomElement(using: &random)?.pieces, !earlier.isEmpty {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: file.pieces = earlier
        case 1:
          // Different from some point on, but of the same size.
          let point = Int.random(in: 0..<earlier.count, using: &random)
          file.pieces =
            earlier[..<point]
            + earlier[point...].map {
              Bool.random(using: &random)
                ? .hole($0.count) : .bytes(Array(repeating: 7, count: $0.count))
            }
        default: break
        }
      }
      if hasRanks, Int.random(in: 0..<3, using: &random) == 0 {
        file.rank = UInt32.random(in: 0..<1_000, using: &random)
      }
      file.isAbandoned = losesFiles && Int.random(in: 0..<4, using: &random) == 0
      files.append(file)
    }
    self.files = files
  }

  init(files: [File]) { self.files = files }

  /// Writes the tree; each file has two names.
  ///
  /// - Parameter didAppend: called after each piece.
  func write(_ writer: ImageWriter, didAppend: () -> Void = {}) throws -> ImageWriter.Summary {
    let attributes = Attributes(permissions: 0o755, uid: 0, gid: 0, modified: 0)
    var tree = Tree(root: attributes)
    for (number, file) in files.enumerated() {
      let size = file.pieces.reduce(0) { $0 + $1.count }
      try writer.content.begin(size: UInt64(size), rank: file.rank, old: nil)
      for piece in file.pieces {
        switch piece {
        case .bytes(let bytes): try bytes.withUnsafeBytes { try writer.content.append($0) }
        case .hole(let count): try writer.content.addHole(UInt64(count))
        }
        didAppend()
      }
      guard !file.isAbandoned else {
        try writer.content.abandon()
        continue
      }
      let content = try writer.content.end()
      let inode = tree.addInode(Tree.Inode(attributes: attributes, kind: .regular(content)))
      for name in ["a\(number)", "b\(number)"] {
        Array(name.utf8).withUnsafeBytes { _ = tree.addNode($0, in: tree.root, inode: inode) }
      }
    }
    return try writer.finish(tree, modified: 0)
  }
}
