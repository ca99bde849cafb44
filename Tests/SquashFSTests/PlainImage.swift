import Foundation
import Posix
import SquashFSFormat
import TestSupport

@testable import SquashFS

/// An uncompressed image, so that a test can change any field of any table in place.
struct PlainImage {
  let folder: TemporaryFolder
  var bytes: [UInt8]
  private let image: Image

  static let source = #"""
    set -e
    mkdir -p tree/dir/sub tree/many
    seq 1 4000 > tree/dir/numbers
    seq 2 3000 > tree/dir/other
    echo tail > tree/tail
    : > tree/xy
    : > tree/emptyfile
    echo another > tree/dir/sub/leaf
    ln tree/tail tree/dir/second-name
    ln -s dir/numbers tree/link
    mkfifo tree/fifo
    mknod tree/device c 1 3
    (seq 1 2000; head -c 8192 /dev/zero; seq 1 900) > tree/sparse
    for i in $(seq 1 800); do : > tree/many/a-long-name-so-that-there-is-an-index-$i; done
    setfattr -n user.one -v first tree/tail
    setfattr -n user.two -v second tree/dir
    chown 1000:2000 tree/dir/other
    """#

  /// Packs a tree with a bit of everything.
  init(blockSize: String = "4K", exports: Bool = true, attributes: Bool = true) throws {
    folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", Self.source], in: folder.root)
    if !attributes {
      try Tool.check(
        ["sh", "-c", "setfattr -x user.one tree/tail; setfattr -x user.two tree/dir"],
        in: folder.root)
    }
    try Tool.check(
      [
        Tool.autosquash, "pack", "tree", "-o", "plain.squash", "--compression", "none",
        "--block-size", blockSize, "--ownership", "keep", "-q",
      ] + (exports ? ["--exports"] : []), in: folder.root)
    bytes = try folder.read("plain.squash")
    image = try Image(ImageInput(path: Array(folder.path("plain.squash").utf8)))
  }

  /// The superblock as it was packed.
  var superblock: Superblock { image.superblock }

  // MARK: Places

  /// The position of an inode in the file.
  func inode(_ path: String) throws -> Int {
    guard case .success(let inode) = try image.lookup(Array(path.utf8), followsLast: false) else {
      throw ImageReadError(.damaged, "no \(path)")
    }
    return place(inode.reference, in: superblock.inodeTable)
  }

  func record(_ path: String) throws -> InodeRecord {
    guard case .success(let inode) = try image.lookup(Array(path.utf8), followsLast: false) else {
      throw ImageReadError(.damaged, "no \(path)")
    }
    return inode.record
  }

  /// The position of a place in a table of uncompressed blocks.
  func place(_ reference: MetadataReference, in table: UInt64) -> Int {
    Int(table + reference.blockStart) + 2 + reference.offset
  }

  /// The position of a directory's listing.
  func listing(_ path: String) throws -> Int {
    guard case .directory(let directory) = try record(path).body else {
      throw ImageReadError(.damaged, "no directory \(path)")
    }
    return place(directory.listing, in: superblock.directoryTable)
  }

  /// The position of a name in a directory's listing; the entry's fields are the eight bytes before.
  func name(_ name: String, in directory: String) throws -> Int {
    let start = try listing(directory)
    let wanted = Array(name.utf8)
    for position in start..<bytes.count - wanted.count
    where bytes[position..<position + wanted.count].elementsEqual(wanted) {
      return position
    }
    throw ImageReadError(.damaged, "no name \(name)")
  }

  /// The position of a table's first row: its list has the position of the first block.
  func firstRow(_ list: UInt64) -> Int { Int(number(at: Int(list), as: UInt64.self)) + 2 }

  // MARK: Changes

  func number<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
    bytes.withUnsafeBytes { $0.little(offset) }
  }

  mutating func set<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ value: T) {
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
  }

  mutating func set(_ offset: Int, text: String) {
    bytes.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
  }

  // MARK: Judgement

  /// Writes the image to a file and verifies it.
  func verify(quick: Bool = false, name: String = "damaged.squash") throws -> Verifier.Report {
    try folder.write(name, bytes)
    return try SquashFSTests.verify(folder.path(name), quick: quick)
  }
}

/// Verifies an image in this process.
func verify(
  _ path: String, quick: Bool = false, threads: Int = 2
) throws -> Verifier.Report {
  var options = Verifier.Options()
  options.isQuick = quick
  options.threads = threads
  return try Verifier(ImageInput(path: Array(path.utf8)), options: options).run()
}

extension Verifier.Report {
  /// All findings on a line each, for a failing test's message.
  var text: String {
    findings.map {
      "\($0.severity) \($0.kind.rawValue) \($0.offset.map(String.init) ?? "-") "
        + "\($0.path?.escapedName ?? "-") \($0.message)"
    }.joined(separator: "\n")
  }
}
