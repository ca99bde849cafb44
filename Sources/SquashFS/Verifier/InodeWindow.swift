import SquashFSFormat
import TreeModel

/// The inode table's data for a range of inode numbers, to compare with directories.
final class InodeWindow {
  /// This many numbers take about 16 MB.
  static let size: UInt32 = 750_000

  /// The numbers from 1 to `count`, which is at least 1 and checked by `Image`, in ranges of `size`
  /// numbers.
  static func windows(_ count: UInt32, of size: UInt32) -> [Range<UInt32>] {
    stride(from: 1, through: count, by: Int(size)).map { $0..<min($0 + size, count + 1) }
  }

  let numbers: Range<UInt32>
  private var references: [UInt64]
  private var types: [UInt8]
  private var links: [UInt32]
  private var found: [UInt32]
  private var parents: [UInt32]

  init(_ numbers: Range<UInt32>) {
    self.numbers = numbers
    let count = numbers.count
    references = Array(repeating: 0, count: count)
    types = Array(repeating: 0, count: count)
    links = Array(repeating: 0, count: count)
    found = Array(repeating: 0, count: count)
    parents = Array(repeating: 0, count: count)
  }

  /// Records an inode of the table; ignores those outside the range.
  func note(_ inode: ImageInode) {
    guard numbers.contains(inode.record.number) else { return }
    let index = Int(inode.record.number - numbers.lowerBound)
    references[index] = inode.reference.rawValue
    types[index] = UInt8(inode.record.type.rawValue)
    links[index] = inode.record.links
    if case .directory(let directory) = inode.record.body { parents[index] = directory.parent }
  }

  /// The table's data under a number.
  struct Row {
    var number: UInt32
    var reference: MetadataReference
    var type: FileType
    var links: UInt32
    /// The number of directory entries that lead to it.
    var found: UInt32
    var parent: UInt32
  }

  /// - Returns: `nil` if no inode has the number.
  subscript(number: UInt32) -> Row? {
    guard numbers.contains(number) else { return nil }
    let index = Int(number - numbers.lowerBound)
    guard let type = FileType(rawValue: UInt16(types[index])) else { return nil }
    return Row(
      number: number, reference: MetadataReference(rawValue: references[index]), type: type,
      links: links[index], found: found[index], parent: parents[index])
  }

  /// Counts an entry that leads to the number.
  func count(_ number: UInt32) {
    guard numbers.contains(number) else { return }
    found[Int(number - numbers.lowerBound)] &+= 1
  }
}
