import Glibc
import Posix
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct CacheSpaceTests {
  static let chunk = CacheLab.chunk
  static let mebibyte: UInt64 = 1 << 20

  /// Makes complete objects of 1 MiB, the first used longest ago.
  private func fill(_ lab: CacheLab, _ keys: [String]) throws {
    for (index, key) in keys.enumerated() {
      let before = Set(lab.files)
      try #require(try lab.cache().object(key, length: Self.mebibyte)).store(0..<Self.mebibyte)
      let name = try #require(Set(lab.files).subtracting(before).first)
      try Tool.check(
        ["touch", "-d", "2020-01-0\(index + 1)", lab.folder.path("cache/\(name)")])
    }
  }

  /// Those of the objects that are there.
  private func kept(_ lab: CacheLab, _ keys: [String]) throws -> [String] {
    try keys.filter { try lab.cache().latest(CacheLab.location($0)) != nil }
  }

  @Test func whatWasNotUsedForLongestGoesFirst() throws {
    let lab = try CacheLab()
    try fill(lab, ["a", "b", "c", "d"])
    // "a" is used once more.
    _ = try lab.cache().object("a", length: Self.mebibyte)
    _ = try lab.cache(size: 3 * Self.mebibyte).object("e", length: Self.mebibyte)
    #expect(try kept(lab, ["a", "b", "c", "d", "e"]) == ["a", "d", "e"])
  }

  @Test func whatIsOpenStays() throws {
    let lab = try CacheLab()
    try fill(lab, ["a", "b", "c", "d"])
    let open = try #require(try lab.cache().object("b", length: Self.mebibyte))
    for name in lab.files {
      try Tool.check(["touch", "-d", "2020-02-01", lab.folder.path("cache/\(name)")])
    }
    _ = try lab.cache(size: Self.mebibyte / 2).object("e", length: Self.mebibyte)
    #expect(try kept(lab, ["a", "b", "c", "d", "e"]) == ["b", "e"])
    #expect(open.readable == Array(open.chunks))
  }

  @Test func anObjectLargerThanTheCacheFillsItAndNoMore() throws {
    let lab = try CacheLab()
    let size = 4 * Self.mebibyte
    let length = 4 * size
    let object = try #require(try lab.cache(size: size).object(length: length))
    for start in stride(from: 0, to: length, by: Int(2 * Self.chunk)) {
      object.store(start..<start + 2 * Self.chunk)
    }
    #expect(lab.bytesOnDisk <= size + Self.chunk)
    #expect(object.readable.count >= 10)
    #expect(object.wrong == [])
  }

  @Test func manyObjectsAtOnceKeepWithinTheSize() throws {
    let lab = try CacheLab()
    let cache = try lab.cache(size: 4 * Self.mebibyte)
    let objects = (0..<8).compactMap { cache.object("\($0)", length: 4 * Self.mebibyte) }
    #expect(objects.count == 8)
    for start in stride(from: 0, to: 4 * Self.mebibyte, by: Int(Self.chunk)) {
      for object in objects { object.store(start..<start + Self.chunk) }
    }
    #expect(lab.bytesOnDisk <= 4 * Self.mebibyte + Self.chunk)
  }

  @Test func aRunningProcessMakesRoomAsItStores() throws {
    let lab = try CacheLab()
    try fill(lab, ["a", "b"])
    let object = try #require(
      try lab.cache(size: 4 * Self.mebibyte).object(length: 2 * Self.mebibyte))
    #expect(lab.files.count == 3)
    object.store(0..<2 * Self.mebibyte)
    #expect(try kept(lab, ["a", "b"]) == ["b"])
    #expect(lab.bytesOnDisk <= 4 * Self.mebibyte + Self.chunk)
  }

  @Test func storingGoesOnOnceThereIsRoom() throws {
    let lab = try CacheLab()
    let cache = try lab.cache(size: 2 * Self.mebibyte)
    var first = cache.object("first", length: 4 * Self.mebibyte)
    first?.store(0..<4 * Self.mebibyte)
    let second = try #require(cache.object("second", length: Self.mebibyte))
    second.store(0..<Self.mebibyte)
    #expect(second.readable == [])
    first = nil
    for _ in 0..<2 { second.store(0..<Self.mebibyte) }
    #expect(second.readable == Array(second.chunks))
  }

  /// Other files in the folder are somebody's.
  @Test func onlyObjectsAreRemoved() throws {
    let lab = try CacheLab()
    try fill(lab, ["a"])
    try lab.folder.write("cache/notes", [UInt8](repeating: 1, count: 3 << 20))
    _ = try lab.cache(size: 1000).object(length: 1)
    #expect(try kept(lab, ["a"]) == [])
    #expect(lab.folder.exists("cache/notes"))
  }

  // MARK: Disks

  @Test(.enabled(if: SystemTests.canMount))
  func aFullDiskEndsTheStoringNotTheReading() throws {
    let lab = try CacheLab()
    try withDisk(lab, "1m") {
      let reports = Mutex<[String]>([])
      let cache = try lab.cache { report in reports.withLock { $0.append(report) } }
      let object = try #require(cache.object(length: 4 * Self.mebibyte))
      for _ in 0..<3 { object.store(0..<4 * Self.mebibyte) }
      #expect(object.wrong == [])
      #expect((1...3).contains(object.readable.count))
      #expect(
        reports.withLock { $0 } == [
          "\(lab.path.escapedName): No space left on device; nothing more of this object is kept"
        ])
    }
  }

  @Test(.enabled(if: SystemTests.canMount))
  func aTenthOfTheDiskStaysFree() throws {
    let lab = try CacheLab()
    try withDisk(lab, "8m") {
      try fill(lab, ["a", "b", "c"])
      try lab.folder.write("cache/others", [UInt8](repeating: 1, count: 4_500_000))
      let cache = try lab.cache()
      let object = try #require(cache.object(length: Self.mebibyte))
      #expect(try kept(lab, ["a", "b", "c"]) == ["b", "c"])
      object.store(0..<Self.mebibyte)
      #expect(object.readable == Array(object.chunks))
      try lab.folder.write("cache/more", [UInt8](repeating: 1, count: 500_000))
      _ = try lab.cache().object("d", length: 1)
      #expect(try kept(lab, ["b", "c"]) == ["c"])
    }
  }

  @Test(.enabled(if: SystemTests.canMount))
  func aDiskWithoutRoomIsLeftAlone() throws {
    let lab = try CacheLab()
    try withDisk(lab, "8m") {
      _ = try lab.cache()
      try lab.folder.write("cache/others", [UInt8](repeating: 1, count: 7_800_000))
      let object = try #require(try lab.cache().object(length: Self.chunk))
      object.store(0..<Self.chunk)
      #expect(object.readable == [])
    }
  }

  @Test(.enabled(if: SystemTests.canMount))
  func aDiskThatTurnsReadOnlyStillServes() throws {
    let lab = try CacheLab()
    try withDisk(lab, "8m") {
      let object = try #require(try lab.cache().object(length: 2 * Self.chunk))
      object.store(0..<Self.chunk)
      // Files open for writing keep a disk writable; the next process finds it otherwise.
      let cache = try lab.cache()
      try Tool.check(["mount", "--bind", lab.path.description, lab.path.description])
      defer { _ = try? Tool.run(["umount", lab.path.description]) }
      try Tool.check(["mount", "-o", "remount,bind,ro", lab.path.description])
      #expect(throws: CacheError.self) { try lab.cache() }
      #expect(object.readable == [0])
      _ = cache
    }
  }

  private func withDisk(_ lab: CacheLab, _ size: String, _ body: () throws -> Void) throws {
    let path = lab.path.description
    try Tool.check(["mkdir", path])
    try Tool.check(["mount", "-t", "tmpfs", "-o", "size=\(size),mode=700", "tmpfs", path])
    defer { _ = try? Tool.run(["umount", "-l", path]) }
    try body()
  }
}
