import Glibc
import TestSupport
import Testing
import TreeModel

@testable import FileTrees

@Suite struct FileReaderTests {
  private struct Changed: Error {}

  /// A file that grew or shrank since its size was read is not accepted.
  @Test(arguments: [(5000, true), (4999, false), (5001, false), (0, false)])
  func sizesMustStayTheSame(size: UInt64, isFine: Bool) throws {
    let folder = try TemporaryFolder()
    let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    try folder.write("f", content)
    let descriptor = open(folder.path("f"), O_RDONLY)
    defer { close(descriptor) }
    let sink = MemorySink()
    let reader = FileReader(descriptor: descriptor, size: size)
    if isFine {
      try reader.read(into: sink) { _ in Changed() }
      _ = sink.end()
      #expect(sink.contents == [content])
    } else {
      #expect(throws: Changed.self) {
        try reader.read(into: sink) { hasChanged in
          #expect(hasChanged)
          return Changed()
        }
      }
    }
  }
}
