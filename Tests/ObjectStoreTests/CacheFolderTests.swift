import Glibc
import Posix
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct CacheFolderTests {
  @Test func itIsTheOwnersAlone() throws {
    let lab = try CacheLab()
    let before = umask(0)
    defer { umask(before) }
    let object = try lab.cache().object(length: 1)
    object?.store(0..<1)
    let folder = try #require(stat(at: lab.path))
    #expect(folder.st_mode & 0o777 == 0o700)
    for name in lab.folder.names(in: "cache") {
      #expect(
        try #require(stat(at: lab.path.appending(Name(unchecked: Array(name.utf8))))).st_mode
          & 0o777 == 0o600)
    }
    #expect(lab.files.count == 1)
  }

  @Test func itsParentIsMadeToo() throws {
    let folder = try TemporaryFolder()
    _ = try ObjectCache(HostPath(folder.path(".cache/autosquash")))
    #expect(folder.names(in: ".cache/autosquash") == ["lock"])
  }

  /// What `make` leaves in place of the folder, and the reason to refuse it.
  static let refused: [(make: String, reason: String)] = [
    ("mkdir cache; chmod 770 cache", "others may write into it; run chmod 700 "),
    ("mkdir cache; chmod 702 cache", "others may write into it; run chmod 700 "),
    ("mkdir other; chmod 700 other; ln -s other cache", "a symbolic link; name the folder"),
    ("touch cache", "cannot open: Not a directory"),
  ]

  @Test(arguments: refused)
  func aFolderThatOthersCouldChangeIsRefused(make: String, reason: String) throws {
    let lab = try CacheLab()
    try Tool.check(["sh", "-c", make], in: lab.folder.root)
    try expectRefusal(of: lab, reason)
    #expect(lab.files == [])
  }

  @Test(
    .enabled(if: SystemTests.canMount),
    arguments: [
      ("chown 1 cache", "belongs to another user"), ("chown 1 .", "other users can change this"),
    ])
  func aFolderOfSomebodyElseIsRefused(make: String, reason: String) throws {
    let lab = try CacheLab()
    try Tool.check(["sh", "-c", "mkdir -m 700 cache; \(make)"], in: lab.folder.root)
    try expectRefusal(of: lab, reason)
  }

  private func expectRefusal(of lab: CacheLab, _ reason: String) throws {
    let error = #expect(throws: CacheError.self) { try lab.cache() }
    let message = try #require(error).description
    #expect(message.contains(reason), "\(message)")
  }

  static let places: [(user: uid_t, cacheHome: String?, home: String, path: String)] = [
    (0, "/home/anna/.cache", "/root", "/var/cache/autosquash"),
    (1000, nil, "/home/anna", "/home/anna/.cache/autosquash"),
    (1000, "", "/home/anna", "/home/anna/.cache/autosquash"),
    (1000, "relative", "/home/anna", "/home/anna/.cache/autosquash"),
    (1000, "/scratch/anna", "/home/anna", "/scratch/anna/autosquash"),
  ]

  @Test(arguments: places.indices)
  func theStandardPlaceIsTheUsers(index: Int) {
    let place = Self.places[index]
    #expect(
      CacheFolder.standardPath(user: place.user, cacheHome: place.cacheHome, home: place.home)
        == HostPath(place.path))
  }
}
