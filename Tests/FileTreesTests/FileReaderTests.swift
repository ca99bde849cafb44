import Glibc
import TestSupport
import Testing
import TreeModel

@testable import FileTrees

@Suite struct FileReaderTests {
  /// Collects what a file's reader delivers.
  private final class Collector: ContentSink {
    var bytes: [UInt8] = []
    private let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)
    deinit { space.deallocate() }

    func begin(size: UInt64?, rank: UInt32?) {}
    func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
      let count = try body(space)
      bytes += space[..<count]
      return count
    }
    func addHole(_ count: UInt64) { bytes += [UInt8](repeating: 0, count: Int(count)) }
    func end() -> ContentID { ContentID(number: 0) }
    func abandon() {}
  }

  private struct Changed: Error {}

  /// A file that grew or shrank since its size was asked is not taken as it is.
  @Test(arguments: [(5000, true), (4999, false), (5001, false), (0, false)])
  func sizesMustStayTheSame(size: UInt64, isFine: Bool) throws {
    let folder = try TemporaryFolder()
    let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    try folder.write("f", content)
    let descriptor = open(folder.path("f"), O_RDONLY)
    defer { close(descriptor) }
    let collector = Collector()
    let reader = FileReader(descriptor: descriptor, size: size)
    if isFine {
      try reader.read(into: collector) { _ in Changed() }
      #expect(collector.bytes == content)
    } else {
      #expect(throws: Changed.self) {
        try reader.read(into: collector) { hasChanged in
          #expect(hasChanged)
          return Changed()
        }
      }
    }
  }
}
