import Glibc
import Posix
import TestSupport
import Testing

@Suite struct NamesTests {
  @Test(arguments: [
    ("plain name", "plain name"), ("tab\there", "tab\\there"), ("new\nline", "new\\nline"),
    ("back\\slash", "back\\\\slash"), ("\u{1b}[31mred", "\\033[31mred"), ("é中😀", "é中😀"),
    ("\u{202e}cba", "\\342\\200\\256cba"), ("\u{7f}", "\\177"),
  ])
  func namesAreEscapedForTerminals(name: String, expected: String) {
    #expect(name.utf8.escapedName == expected)
  }

  @Test func invalidUTF8IsEscapedByteByByte() {
    #expect(([0xff, 0x41, 0xc3] as [UInt8]).escapedName == "\\377A\\303")
    #expect(([0xe2, 0x82] as [UInt8]).escapedName == "\\342\\202")
  }
}

@Suite struct AtomicFileTests {
  @Test func appearsOnlyWhenPublished() throws {
    let folder = try TemporaryFolder()
    let path = HostPath(folder.path("out"))
    do {
      let abandoned = try AtomicFile(path: path, replacing: false)
      #expect(write(abandoned.descriptor, "x", 1) == 1)
    }
    #expect(folder.names == [])
    let file = try AtomicFile(path: path, replacing: false)
    #expect(write(file.descriptor, "new", 3) == 3)
    #expect(folder.names == [])
    try file.publish()
    #expect(folder.names == ["out"])
    #expect(try folder.read("out") == Array("new".utf8))
  }

  @Test func doesNotReplaceUnlessTold() throws {
    let folder = try TemporaryFolder()
    try folder.write("out", Array("old".utf8))
    let path = HostPath(folder.path("out"))
    #expect(throws: SystemError.self) { _ = try AtomicFile(path: path, replacing: false) }
    let file = try AtomicFile(path: path, replacing: true)
    #expect(write(file.descriptor, "new", 3) == 3)
    #expect(try folder.read("out") == Array("old".utf8))
    try file.publish()
    #expect(try folder.read("out") == Array("new".utf8))
    #expect(folder.names == ["out"])
  }

  /// The kernel would say so only at the end, when the work is done.
  @Test func aNameWithASlashAtItsEndIsRefusedAtOnce() throws {
    let folder = try TemporaryFolder()
    try folder.write("file", [])
    for (name, code) in [("out/", ENOENT), ("file/", ENOTDIR)] {
      let error = #expect(throws: SystemError.self) {
        _ = try AtomicFile(path: HostPath(folder.path(name)), replacing: true)
      }
      #expect(error?.code == code, "\(name)")
    }
  }

  /// Somebody else may take the name in the meantime.
  @Test func doesNotReplaceANameTakenMeanwhile() throws {
    let folder = try TemporaryFolder()
    let path = HostPath(folder.path("out"))
    let file = try AtomicFile(path: path, replacing: false)
    try folder.write("out", Array("other".utf8))
    #expect(throws: SystemError.self) { try file.publish() }
    #expect(try folder.read("out") == Array("other".utf8))
  }
}
