import Posix
import SquashFS
import Synchronization
import Testing

@testable import ImageMount

@Suite struct ReadPatternTests {
  private static let block: UInt64 = 128 << 10

  private func ahead(
    _ pattern: inout ReadPattern, _ range: Range<UInt64>, size: UInt64 = 100 << 20
  ) -> Range<UInt64>? {
    pattern.note(range, smallest: Self.block, largest: 4 * Self.block, size: size)
  }

  @Test func whoReadsOnIsServedAhead() {
    var pattern = ReadPattern()
    var end: UInt64 = 0
    for number in 0..<100 as Range<UInt64> {
      let range = number * Self.block..<(number + 1) * Self.block
      if let next = ahead(&pattern, range) {
        // Nothing twice, nothing left out, never more than the window.
        #expect(next.lowerBound == max(end, range.upperBound))
        #expect(next.upperBound <= range.upperBound + 4 * Self.block)
        end = next.upperBound
      }
      #expect(number == 0 || end >= range.upperBound)
    }
  }

  @Test func whoJumpsIsNot() {
    var pattern = ReadPattern()
    for start in [50, 10, 70, 30] as [UInt64] {
      #expect(ahead(&pattern, (start << 20)..<(start << 20) + 4096) == nil)
    }
  }

  @Test func nothingLiesBehindTheEnd() {
    var pattern = ReadPattern()
    #expect(ahead(&pattern, 0..<4096, size: 4096) == nil)
    #expect(ahead(&pattern, 0..<4096, size: 5000) == 4096..<5000)
  }
}

@Suite struct ListingPlaceTests {
  @Test(arguments: [
    ListingPlace.start, .afterItself, .entries(.start),
    .entries(.init(header: 0, entries: 1)), .entries(.init(header: .max, entries: 256)),
    .entries(.init(header: 12345, entries: 255)),
  ])
  func isReversible(place: ListingPlace) {
    #expect(ListingPlace(place.number) == place)
    #expect(place.number >= 0)
  }

  @Test(arguments: [-1, .min, .max, 2 + 300, 1 << 42] as [Int64])
  func otherNumbersMeanNothing(number: Int64) {
    #expect(ListingPlace(number) == nil)
  }
}

@Suite struct MountOptionsTests {
  private func text(_ lists: String..., source: String = "image") throws -> String {
    String(
      decoding: try MountOptions(
        source: Array(source.utf8), allowsOthers: false, lists.map { Array($0.utf8) }
      ).text,
      as: UTF8.self)
  }

  private let own = "ro,default_permissions,subtype=autosquash,fsname=image"

  @Test func wordsOfOthersAreLeftOut() throws {
    #expect(try text("defaults,nofail,x-systemd.automount,ro", "_netdev") == own)
    #expect(try text("noexec", "noatime,noexec") == own + ",noexec,noatime")
  }

  @Test func aNameMayHaveAnyByte() throws {
    #expect(try text(source: #"a,b\c"#).hasSuffix(#",fsname=a\,b\\c"#))
  }

  @Test(arguments: ["rw", "ro,rw", "foo", "fsname=x", "subtype=x", "fd=3", "user_id=0"])
  func otherWordsAreRefused(list: String) {
    #expect(throws: MountError.self) { try text(list) }
  }
}

@Suite struct DamageLogTests {
  @Test func eachPlaceIsToldOnceAndFewInAll() {
    let lines = Mutex<[String]>([])
    let log = DamageLog { line in lines.withLock { $0.append(line) } }
    for _ in 0..<3 {
      for offset in 0..<100 as Range<UInt64> {
        log.note(ImageReadError(.damaged, at: offset, "damaged"))
      }
    }
    #expect(lines.withLock { $0.count } == 20)
    #expect(lines.withLock { Set($0).count } == 20)
  }
}
