import Glibc
import Posix
import SquashFS
import TestSupport
import Testing

/// Puts the parts of an image together again.
final class PartCollector: ImagePartSink {
  struct Refused: Error {}

  let partSize: Int
  var largestPart: UInt64 = 5 << 30
  /// The number of a part that is refused.
  var refused: Int?
  private(set) var parts: [Int: [UInt8]] = [:]
  var didSend: () -> Void = {}

  init(partSize: Int) { self.partSize = partSize }

  func send(_ part: Int, _ bytes: [UInt8]) throws {
    if part == refused { throw Refused() }
    #expect(part == parts.count + 2)
    #expect(bytes.count <= partSize && !bytes.isEmpty)
    if part > 2 { #expect(parts[part - 1]?.count == partSize) }
    parts[part] = bytes
    didSend()
  }

  func send(first part: FirstPart) throws {
    if refused == 1 { throw Refused() }
    #expect(parts[1] == nil)
    if !parts.isEmpty { #expect(part.byteCount >= partSize) }
    #expect(part.byteCount <= largestPart)
    var bytes = [UInt8](repeating: 0xaa, count: Int(part.byteCount))
    // In pieces that do not end where the part's own ones do.
    var start = 0
    while start < bytes.count {
      let end = min(start + 33_333, bytes.count)
      try bytes.withUnsafeMutableBytes {
        try part.read(UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]), at: UInt64(start))
      }
      start = end
    }
    parts[1] = bytes
    didSend()
  }

  var image: [UInt8] { parts.keys.sorted().flatMap { parts[$0]! } }
}

/// The disk space of a folder's files without a name that this process has open.
func scratchBytes(in folder: TemporaryFolder) -> Int {
  let prefix = Array(folder.path("").utf8)
  var bytes = 0
  for number in 0..<1024 as Range<Int32> {
    var status = stat()
    guard fstat(number, &status) == 0, status.st_nlink == 0 else { continue }
    var path = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/fd/\(number)", &path, path.count)
    guard count > 0, path[..<count].starts(with: prefix) else { continue }
    bytes += Int(status.st_blocks) * 512
  }
  return bytes
}
