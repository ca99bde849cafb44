import Glibc
import Posix
import TreeModel

/// Keeps the files of an access order in an unnamed file until all others are written, so that they
/// lie side by side in the image, in that order, whatever the source's order.
final class HeldFiles {
  private struct File {
    var id: ContentID
    var rank: UInt32
    var old: OldFile?
    var size: UInt64 = 0
    var extents: Range<Int>
  }

  /// A part of a file: bytes that follow those of the previous part, or a hole.
  private enum Extent {
    case bytes(UInt64)
    case hole(UInt64)
  }

  private let scratch: ScratchFile
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)
  private var filled = 0
  private var position: UInt64 = 0
  private var files: [File] = []
  private var extents: [Extent] = []
  /// The start of each file's bytes, including the current file's.
  private var starts: [UInt64] = []
  private var start: UInt64 = 0

  /// - Parameter path: of any file in the folder where to keep the bytes.
  init(beside path: HostPath) throws { scratch = try ScratchFile(beside: path) }

  deinit { buffer.deallocate() }

  func begin(_ id: ContentID, rank: UInt32, old: OldFile?) {
    files.append(File(id: id, rank: rank, old: old, extents: extents.count..<extents.count))
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    if filled == buffer.count { try flush() }
    let count = try body(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
    guard count > 0 else { return count }
    filled += count
    files[files.count - 1].size += UInt64(count)
    if case .bytes(let before) = extents.last, hasExtents {
      extents[extents.count - 1] = .bytes(before + UInt64(count))
    } else {
      extents.append(.bytes(UInt64(count)))
    }
    return count
  }

  func addHole(_ count: UInt64) throws {
    guard count > 0 else { return }
    let (size, overflow) = files[files.count - 1].size.addingReportingOverflow(count)
    guard !overflow else { throw BlockLists.fileTooLarge }
    files[files.count - 1].size = size
    if case .hole(let before) = extents.last, hasExtents {
      extents[extents.count - 1] = .hole(before + count)
    } else {
      extents.append(.hole(count))
    }
  }

  private var hasExtents: Bool { extents.count > files[files.count - 1].extents.lowerBound }

  /// The size so far of the current file.
  var size: UInt64 { files[files.count - 1].size }

  func end() -> ContentID {
    let file = files.count - 1
    files[file].extents = files[file].extents.lowerBound..<extents.count
    starts.append(start)
    start = position + UInt64(filled)
    return files[file].id
  }

  func abandon() {
    // Its bytes stay in the unnamed file, unreferenced.
    let file = files.removeLast()
    extents.removeSubrange(file.extents.lowerBound...)
    start = position + UInt64(filled)
  }

  private func flush() throws {
    try scratch.write(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), at: position)
    position += UInt64(filled)
    filled = 0
  }

  /// Writes all files in the order of their ranks.
  func write(to data: DataWriter) throws {
    try flush()
    for index in files.indices.sorted(by: {
      (files[$0].rank, files[$0].id.number) < (files[$1].rank, files[$1].id.number)
    }) {
      let file = files[index]
      data.begin(reserved: file.id, size: file.size, old: file.old)
      var position = starts[index]
      for extent in extents[file.extents] {
        switch extent {
        case .hole(let count): try data.addHole(count)
        case .bytes(var rest):
          while rest > 0 {
            let count = try data.withFreeSpace { space in
              let part = Int(min(UInt64(space.count), rest))
              try scratch.read(
                UnsafeMutableRawBufferPointer(rebasing: space[..<part]), at: position)
              return part
            }
            position += UInt64(count)
            rest -= UInt64(count)
          }
        }
      }
      _ = try data.end()
    }
  }
}
