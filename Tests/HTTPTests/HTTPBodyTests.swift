import Glibc
import Posix
import TestSupport
import Testing

@testable import HTTP

@Suite struct HTTPBodyTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("file", Array(0..<200))
  }

  private func file() throws -> OpenFile {
    guard let descriptor = Descriptor(opening: Array(folder.path("file").utf8), O_RDONLY) else {
      throw SystemError("open")
    }
    return OpenFile(descriptor)
  }

  private func bytes(_ body: HTTPBody, from offset: Int = 0) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 300)
    let count = try bytes.withUnsafeMutableBytes { try body.read($0, at: offset) }
    return Array(bytes[..<count])
  }

  @Test func bytesAndRangesOfFilesAreReadInARow() throws {
    var body = HTTPBody([1, 2, 3])
    body.append(try file(), 10..<20)
    body.append([])
    body.append(HTTPBody([4]))
    let whole = [1, 2, 3] + Array(10..<20) + [4] as [UInt8]
    #expect(body.count == whole.count)
    for offset in 0...whole.count {
      #expect(try bytes(body, from: offset) == Array(whole[offset...]))
    }
    for start in 0...whole.count {
      for end in start...whole.count {
        #expect(try bytes(body.slice(start..<end)) == Array(whole[start..<end]))
      }
    }
  }

  @Test func aFileThatIsTooShortIsAnError() throws {
    let body = HTTPBody(try file(), 100..<201)
    #expect(throws: SystemError.self) { try bytes(body) }
  }

  @Test func whatIsAppendedMakesTheDigestUnknown() {
    var body = HTTPBody([1])
    body.sha256 = [1]
    body.append([2])
    #expect(body.sha256 == nil)
  }
}
