import Glibc
import Posix
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

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
    UInt8(truncatingIfNeeded: (position &* 0x9e37_79b9_7f4a_7c15) >> 40)
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

  /// Who no longer wants bytes that do not come need not wait for them; others still get them.
  @Test func waitingCanBeCancelled() throws {
    let monitor = Monitor(conditions: 1)
    let isHeld = Atomic(true)
    let reader = RangeReader(length: 4096, limits: small) { range in
      monitor.withLock { while isHeld.load(ordering: .relaxed) { monitor.wait(on: 0) } }
      return range.map(MadeObject.byte)
    }
    defer { reader.close() }
    let cancellation = Cancellation()
    let thread = try WorkerThread { cancellation.request() }
    var byte: UInt8 = 0
    let problem = #expect(throws: StoreError.self) {
      try withUnsafeMutableBytes(of: &byte) { try reader.read($0, at: 5, until: cancellation) }
    }
    #expect(problem?.message == "reading was interrupted")
    thread.join()
    monitor.withLock {
      isHeld.store(false, ordering: .relaxed)
      monitor.broadcast(0)
    }
    #expect(try reader.bytes(5..<6) == [MadeObject.byte(5)])
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

  /// All of it is on its way before anything is read, in its order, and nothing else.
  @Test func aPlanIsFetchedAhead() throws {
    let object = MadeObject(1 << 20)
    let reader = object.reader(small)
    defer { reader.close() }
    let plan: [Range<UInt64>] = [700_000..<712_000, 5_000..<9_000, 300_000..<300_001]
    reader.willRead(inOrder: plan)
    for range in plan {
      #expect(try reader.bytes(range) == range.map(MadeObject.byte))
    }
    let asked = object.asked
    let units = Set(plan.flatMap { $0.lowerBound / 1024...($0.upperBound - 1) / 1024 })
    #expect(asked.map(\.count).reduce(0, +) == units.count * 1024, "\(asked)")
    #expect(asked.count <= 8, "\(asked)")
  }

  /// A plan larger than the memory is fetched once, although others read meanwhile.
  /// Whoever announces what is planned, as the files of a mount do, has nothing fetched behind it.
  @Test func nothingIsFetchedBehindAPlan() throws {
    let object = MadeObject(300_000)
    let reader = object.reader(small)
    defer { reader.close() }
    let end: UInt64 = 24 << 10
    reader.willRead(inOrder: [0..<end])
    for start in stride(from: 0, to: end, by: 2 << 10) {
      reader.willRead(start..<start + (2 << 10))
      _ = try reader.bytes(start..<start + (2 << 10))
    }
    usleep(50_000)
    #expect(object.asked.allSatisfy { $0.upperBound <= end }, "\(object.asked)")
  }

  @Test func aLongPlanIsFetchedOnce() throws {
    let object = MadeObject(1 << 20)
    let reader = object.reader(small)
    defer { reader.close() }
    reader.willRead(inOrder: [0..<object.length / 2, object.length / 2..<object.length])
    var position: UInt64 = 0
    while position < object.length {
      let range = position..<min(position + 3000, object.length)
      #expect(try reader.bytes(range) == range.map(MadeObject.byte))
      position += 3000
    }
    #expect(object.asked.map { UInt64($0.count) }.reduce(0, +) == object.length)
  }

  /// Who does not read what was announced does not have it all fetched.
  @Test func aPlanWaitsForItsReader() throws {
    let object = MadeObject(1 << 20)
    let reader = object.reader(small)
    defer { reader.close() }
    reader.willRead(inOrder: [0..<object.length])
    _ = try reader.bytes(900_000..<900_100)
    _ = try reader.bytes(0..<100)
    #expect(object.asked.map(\.count).reduce(0, +) <= 128 << 10, "\(object.asked)")
  }

  @Test func aPlanMayClaimAnything() throws {
    let object = MadeObject(10_000)
    let reader = object.reader(small)
    defer { reader.close() }
    reader.willRead(inOrder: [])
    reader.willRead(inOrder: [20_000..<30_000, 5..<5, 9_999..<UInt64.max, 0..<1])
    #expect(try reader.bytes(9_990..<10_000).count == 10)
    let length = UInt64(Int64.max)
    let huge = RangeReader(length: length, limits: small) { (range) throws(StoreError) in
      range.map(MadeObject.byte)
    }
    defer { huge.close() }
    huge.willRead(inOrder: [length - 5..<UInt64.max, 0..<UInt64.max])
    #expect(try huge.bytes(length - 5..<length - 3).count == 2)
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
    #expect(object.asked.count < 64)
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

  /// Programs that look into many places wait for few of them; who looks about once gets little.
  @Test func whoOftenWaitsGetsWhatLiesAround() throws {
    var limits = small
    limits.around = 32 << 10
    limits.memory = 2 << 20
    let object = MadeObject(1 << 20)
    let reader = object.reader(limits)
    defer { reader.close() }
    var random = SeededGenerator(5)
    for index in 0..<400 {
      let start = UInt64.random(in: 0..<object.length - 100, using: &random)
      let range = start..<start + 100
      #expect(try reader.bytes(range) == range.map(MadeObject.byte))
      if index == 2 { #expect(object.asked.map(\.count).reduce(0, +) <= 16 << 10) }
    }
    // In pieces of at most 8 KiB, none twice; each look for itself would make 400.
    #expect(object.asked.map { UInt64($0.count) }.reduce(0, +) <= object.length)
    #expect(object.asked.count < 250, "\(object.asked.count)")
  }

  @Test(
    arguments: [
      (5_000, 2, nil), (5_000, 3, 4096..<6144), (5_000, 4, 4096..<8192), (5_000, 99, 0..<10_000),
      (9_999, 99, 0..<10_000),
    ] as [(UInt64, Int, Range<UInt64>?)])
  func theRangeAroundAMissGrows(offset: UInt64, misses: Int, range: Range<UInt64>?) {
    #expect(
      RecentMisses.range(
        around: offset, misses: misses, unit: 1024, most: 1 << 20, length: 10_000) == range)
  }

  @Test func missesAreForgotten() {
    var misses = RecentMisses()
    for count in 1...8 { #expect(misses.note(now: 100 + Double(count) / 100) == count) }
    #expect(misses.note(now: 101.9) == 5)
    #expect(misses.note(now: 200) == 1)
    #expect(misses.note(now: 0) == 2)
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

  /// What failed ahead of its reader is no error of a later one.
  @Test func anOldFailureIsNotKept() throws {
    let isAway = Atomic(true)
    let failed = Atomic(0)
    let reader = RangeReader(length: 1 << 20, limits: small) { (range) throws(StoreError) in
      guard isAway.load(ordering: .relaxed) else { return range.map(MadeObject.byte) }
      failed.add(1, ordering: .relaxed)
      throw StoreError(.unreachable, "away")
    }
    defer { reader.close() }
    reader.willRead(inOrder: [0..<24 << 10])
    while failed.load(ordering: .relaxed) < 3 { usleep(1000) }
    usleep(20_000)
    isAway.store(false, ordering: .relaxed)
    #expect(try reader.bytes(0..<24 << 10) == (0..<24 << 10).map(MadeObject.byte))
  }

  @Test func anAnswerOfAnotherLengthIsNotUsed() throws {
    let reader = RangeReader(length: 10_000) { (range) throws(StoreError) in
      [UInt8](repeating: 0, count: range.count - 1)
    }
    defer { reader.close() }
    #expect(throws: StoreError.self) { try reader.bytes(0..<10) }
  }
}
