import FileTrees
import Glibc

/// A running hash of a file's content that takes time for its data only, however large its holes:
/// it covers the nonzero pages and the positions of the zero pages.
///
/// It distinguishes contents as well as SHA-256 does, but is not their SHA-256.
struct SparseHash {
  private var data = SHA256()
  private var zeros = SHA256()
  private var position: UInt64 = 0
  /// The number of zero pages right before the next page.
  private var zeroPages: UInt64 = 0
  /// The start of an incomplete page.
  private var page: [UInt8] = []

  private static let pageSize = 4096

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    if !page.isEmpty {
      let part = rest.prefix(Self.pageSize - page.count)
      page += part
      rest = rest.dropFirst(part.count)
      if page.count == Self.pageSize { endPage() }
    }
    while rest.count >= Self.pageSize {
      let count = Self.dataCount(UnsafeRawBufferPointer(rebasing: rest))
      if count == 0 {
        zeroPages += 1
        rest = rest.dropFirst(Self.pageSize)
      } else {
        add(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
    }
    page += rest
  }

  mutating func update(zeros count: UInt64) {
    var rest = count
    if !page.isEmpty {
      let part = min(rest, UInt64(Self.pageSize - page.count))
      page += repeatElement(0, count: Int(part))
      rest -= part
      if page.count == Self.pageSize { endPage() }
    }
    zeroPages += rest / UInt64(Self.pageSize)
    page += repeatElement(0, count: Int(rest % UInt64(Self.pageSize)))
  }

  /// - Parameter size: the total size of everything added.
  mutating func finish(size: UInt64) -> SHA256.Digest {
    if !page.isEmpty { endPage() }
    addZeros()
    var hash = SHA256()
    for digest in [data.finish(), zeros.finish()] {
      withUnsafeBytes(of: digest) { hash.update($0) }
    }
    withUnsafeBytes(of: size.littleEndian) { hash.update($0) }
    return hash.finish()
  }

  private mutating func endPage() {
    page.withUnsafeBytes { bytes in
      if bytes.allSatisfy({ $0 == 0 }) { zeroPages += 1 } else { add(bytes) }
    }
    page.removeAll(keepingCapacity: true)
  }

  private mutating func add(_ bytes: UnsafeRawBufferPointer) {
    addZeros()
    data.update(bytes)
    position += UInt64(bytes.count)
  }

  private mutating func addZeros() {
    guard zeroPages > 0 else { return }
    withUnsafeBytes(of: (position.littleEndian, zeroPages.littleEndian)) { zeros.update($0) }
    position += zeroPages * UInt64(Self.pageSize)
    zeroPages = 0
  }

  /// The number of bytes in whole pages before the first page of zeros.
  private static func dataCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    var count = 0
    while bytes.count - count >= pageSize {
      let page = bytes.baseAddress! + count
      // Each byte equals the one before it, and the first is zero.
      if bytes[count] == 0 && memcmp(page, page + 1, pageSize - 1) == 0 { break }
      count += pageSize
    }
    return count
  }
}
