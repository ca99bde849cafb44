import Posix
import TestSupport
import Testing

@testable import Automount

/// Keys in, entries out.
@Suite struct MapEntryTests {
  @Test(arguments: [
    "", ".", "..", "a/b", "/", "a\0b", String(repeating: "x", count: 256),
  ])
  func namesThatNoFileHasAreRefused(name: String) {
    let refusal = #expect(throws: MapRefusal.self) { try MapKey(Array(name.utf8)) }
    #expect(refusal?.code == .badKey)
  }

  @Test(arguments: ["-", "x.", "-fstype=ext4", "--help", "*", "&", "a b", "\n", "\"", "é"])
  func otherNamesAreTaken(name: String) throws {
    #expect(try MapKey(Array(name.utf8)).name.bytes == Array(name.utf8))
  }

  @Test(arguments: ["...", ".hidden", ".squash", ".x.squash"])
  func hiddenNamesAreRefused(name: String) {
    let refusal = #expect(throws: MapRefusal.self) { try MapKey(Array(name.utf8)) }
    #expect(refusal?.code == .hidden)
  }

  @Test func suffixesAreTriedInOrder() throws {
    func candidates(_ key: String) throws -> [String] {
      try MapKey(Array(key.utf8)).candidates(suffixes: Configuration().suffixes)
        .map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(try candidates("data") == ["data.squash", "data.squashfs", "data.sqfs", "data.img"])
    #expect(try candidates("data.img").prefix(2) == ["data.img", "data.img.squash"])
    // With its suffix, a name must not be too long for a file.
    let long = String(repeating: "x", count: 250)
    #expect(try candidates(long) == [long + ".sqfs", long + ".img"])
    #expect(try candidates(long + "xxxxx") == [])
    #expect(
      try candidates(String(repeating: "x", count: 248) + ".squash") == [
        String(repeating: "x", count: 248) + ".squash"
      ])
  }

  @Test func theLocationIsQuotedAndNothingInIt() {
    let options = Configuration().options
    let name = Array(#"/i/a b#&$\:,'*-.%"#.utf8) + [0xff, 0xe9, 0x09]
    #expect(
      MapEntry(mounting: HostPath(name), type: .loop, options: options)?.bytes
        == Array("-fstype=squashfs,loop,ro,nosuid,nodev \":".utf8) + name + [UInt8(ascii: "\"")])
    #expect(
      MapEntry(
        mounting: "/i/x", type: .fuse(Array("fuse.squashfuse".utf8)),
        options: options)?.bytes
        == Array("-fstype=fuse.squashfuse,allow_other,ro,nosuid,nodev \":/i/x\"".utf8))
    for byte in ["\"", "\n", "\0"] {
      #expect(MapEntry(mounting: HostPath("/i/a\(byte)b"), type: .loop, options: options) == nil)
    }
    #expect(MapEntry(askingAgain: "/a b") == nil)
    #expect(MapEntry(askingAgain: "a") == nil)
    #expect(
      MapEntry(askingAgain: "/usr/libexec/autosquash-map")?.bytes
        == Array("-fstype=autofs program:/usr/libexec/autosquash-map".utf8))
  }

  /// A key in a bucket may have any bytes; autofs and mount(8) bring back all of them.
  @Test(arguments: ["plain.squash", "a \"b\"\n100%\t\u{7f}é.squash", "%41", "a#&$\\:,'*"])
  func urlsComeBack(key: String) throws {
    let url = ImageURL(Array("s3://bucket/folder/\(key)".utf8))
    let line = MapEntry(askingToMount: url, options: Configuration().options).bytes
    let start = Array("-fstype=autosquash,ro,nosuid,nodev \":autosquash:".utf8)
    #expect(line.starts(with: start) && line.last == UInt8(ascii: "\""))
    let source = Array(line.dropFirst(start.count).dropLast())
    #expect(!source.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") })
    #expect(ImageURL(encoded: source) == url)
  }

  @Test(arguments: ["", "/images/x", "s3://b/%", "s3://b/%4", "s3://b/%zz", "http://b/x"])
  func othersAreNoURLs(source: String) {
    #expect(ImageURL(encoded: Array(source.utf8)) == nil)
  }

  @Test func linksStandForWhatCannotBeQuoted() throws {
    let folder = try TemporaryFolder()
    let links = SafeLinks(folder: HostPath(folder.path("run/links")))
    let names = [
      "a\"b", "a\nb", String(repeating: "\"", count: 100),
      "x/" + String(repeating: "\n", count: 900),
    ]
    var seen: Set<HostPath> = []
    for name in names {
      let target = HostPath("/images/\(name)")
      for _ in 1...2 {
        let link = try links.link(to: target, key: [])
        #expect(MapEntry.canQuote(link))
        seen.insert(link)
        #expect(
          try Tool.run(bytes: [Array("readlink".utf8), Array("-n".utf8), link.bytes]).output
            == target.bytes)
      }
    }
    #expect(seen.count == names.count)
    // A link exactly as long as names may be before they are cut, and one that is longer.
    let edge = links.path(for: HostPath([UInt8](repeating: 1, count: 100)))
    let longer = links.path(for: HostPath([UInt8](repeating: 1, count: 101)))
    #expect(!longer.isAtOrBelow(edge))
    // Too long for any path.
    #expect(throws: MapRefusal.self) {
      try links.link(to: HostPath([UInt8](repeating: 1, count: 3000)), key: [])
    }
    // A folder that others can write could redirect mounts, and so could its parent.
    for part in ["run/links", "run"] {
      try Tool.check(["chmod", "777", folder.path(part)])
      let refusal = #expect(throws: MapRefusal.self) {
        try links.link(to: "/i/\"", key: [])
      }
      #expect(refusal?.text.contains("\(folder.path(part)): users can change this") == true)
      try Tool.check(["chmod", "755", folder.path(part)])
    }
  }

  @Test func refusalsFitOneLineOfTheLog() {
    let refusal = MapRefusal(
      .noSuchImage, [UInt8](repeating: 0x0a, count: 255), "no such image in /x")
    #expect(refusal.description.utf8.count < 1000)
    #expect(!refusal.description.contains("\n"))
  }
}
