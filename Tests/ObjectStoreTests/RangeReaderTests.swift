import ObjectStore
import Synchronization
import TestSupport
import Testing

/// An object of made-up bytes that counts what is asked for.
private final class MadeObject: Sendable {
  let length: UInt64
  private let requests = Mutex<[Range<UInt64>]>([])
  let failing: Range<UInt64>?

  init(_ length: UInt64, failing: Range<UInt64>? = nil) {
    self.length = length
    self.failing = failing
  }

  static func byte(_ position: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: position &* 0x9e37_79b9_7f4a_7c15 >> 40)
  }

  func fetch(_ range: Range<UInt64>) throws(StoreError) -> [UInt8] {
    requests.withLock { $0.append(range) }
    if let failing, failing.overlaps(range) { throw StoreError(.unreachable, "away") }
    return range.map(Self.byte)
  }

  var asked: [Range<UInt64>] { requests.withLock { $0 } }

  func reader(_ limits: RangeReader.Limits = RangeReader.Limits()) -> RangeReader {
    RangeReader(length: length, limits: limits) { (range) throws(StoreError) in
      try self.fetch(range)
    }
  }
}

extension RangeReader {
  fileprivate func bytes(_ range: Range<UInt64>) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var problem: StoreError?
    var count = 0
    bytes.withUnsafeMutableBytes { buffer in
      do throws(StoreError) { count = try read(buffer, at: range.lowerBound) } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    return Array(bytes[..<count])
  }
}

private var small: RangeReader.Limits {
  var limits = RangeReader.Limits()
  limits.unit = 1 << 10
  limits.part = 8 << 10
  limits.memory = 64 << 10
  limits.ahead = 32 << 10
  return limits
}

@Suite struct RangeReaderTests {
  @Test(arguments: 0..<8)
  func readsWhatIsThere(seed: Int) async throws {
    let object = MadeObject(300_001)
    let reader = object.reader(small)
    defer { reader.close() }
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<8 {
        group.addTask {
          var random = SeededGenerator(UInt64(seed * 100 + thread))
          for _ in 0..<200 {
            let start = UInt64.random(in: 0..<object.length, using: &random)
            let count = UInt64.random(in: 1...9000, using: &random)
            if Bool.random(using: &random) { reader.willRead(start..<start + count) }
            let range = start..<min(start + count, object.length)
            let found = try? reader.bytes(start..<start + count)
            #expect(found == range.map(MadeObject.byte))
          }
        }
      }
    }
  }

  @Test func whatWasAnnouncedIsFetchedInOneRequest() throws {
    let object = MadeObject(4 << 20)
    let reader = object.reader()
    defer { reader.close() }
    reader.willRead(1_000_000..<1_400_000)
    for start in stride(from: UInt64(1_000_000), to: 1_400_000, by: 50_000) {
      _ = try reader.bytes(start..<start + 50_000)
    }
    #expect(object.asked.count == 1)
  }

  @Test func whoReadsOnGetsLargeRequests() throws {
    let object = MadeObject(64 << 20)
    let reader = object.reader()
    defer { reader.close() }
    var position: UInt64 = 0
    while position < object.length {
      _ = try reader.bytes(position..<position + 100_000)
      position += 100_000
    }
    #expect(object.asked.count < 32)
    #expect(object.asked.map { UInt64($0.count) }.reduce(0, +) == object.length)
  }

  @Test func whoJumpsAboutGetsLittle() throws {
    let object = MadeObject(1 << 30)
    let reader = object.reader()
    defer { reader.close() }
    for index in 0..<20 {
      let start = UInt64(index) * 50_000_000
      _ = try reader.bytes(start..<start + 1000)
    }
    #expect(object.asked.map(\.count).reduce(0, +) <= 20 * 256 << 10)
  }

  @Test func aFailureIsOneReadsAndIsTriedAgain() throws {
    let object = MadeObject(1 << 20, failing: 500_000..<500_001)
    let reader = object.reader(small)
    defer { reader.close() }
    #expect(throws: StoreError(.unreachable, "away")) {
      try reader.bytes(500_000..<500_010)
    }
    #expect(try reader.bytes(100..<200).count == 100)
    let before = object.asked.count
    #expect(throws: StoreError.self) { try reader.bytes(500_000..<500_010) }
    #expect(object.asked.count > before)
  }

  @Test func anAnswerOfAnotherLengthIsNotUsed() throws {
    let reader = RangeReader(length: 10_000) { (range) throws(StoreError) in
      [UInt8](repeating: 0, count: range.count - 1)
    }
    defer { reader.close() }
    #expect(throws: StoreError.self) { try reader.bytes(0..<10) }
  }
}
