import CLibArchive
import Glibc
import TestSupport
import Testing

@testable import FileTrees

/// The messages of the linked libarchive are understood.
@Suite struct LibarchiveMessageTests {
  /// An archive that makes libarchive use certain words.
  struct Example: Sendable {
    var words: String
    var meaning: LibarchiveMessage
    var bytes: [UInt8]
    /// Whether only a pipe provokes them.
    var isPipe = false
  }

  private static let examples: [Example] = [
    Example(words: "passphrase", meaning: .encrypted, bytes: zip(flags: 1)),
    Example(words: "encrypt", meaning: .encrypted, bytes: encryptedRAR),
    Example(words: "support seeking", meaning: .needsSeeking, bytes: sevenZip, isPipe: true),
    Example(
      words: "truncated", meaning: .cutOff, bytes: Array(tar { $0.add("a", content) }.prefix(1000))),
    Example(words: "premature", meaning: .cutOff, bytes: rar5),
    Example(words: "end of file", meaning: .cutOff, bytes: binaryCpio),
    Example(
      words: "can't be converted", meaning: .keptName,
      bytes: tar {
        $0.addPax([("path", [0xff])])
        $0.add("a")
      }),
    Example(words: "cannot be converted", meaning: .convertedName, bytes: zip(flags: 0x800)),
    Example(
      words: ".acl.", meaning: .unreadableACL,
      bytes: tar {
        $0.addPax([("SCHILY.acl.access", Array("nonsense".utf8))])
        $0.add("a")
      }),
    Example(
      words: "acl attribute", meaning: .unreadableACL,
      bytes: tar {
        $0.add("a", type: "A", Array("x".utf8))
        $0.add("a")
      }),
  ]

  @Test func eachRowHasAnExample() {
    let rows = LibarchiveMessage.rows.filter { $0.meaning != .unopenedContent }
    #expect(rows.map(\.words) == Self.examples.map(\.words))
    #expect(rows.map(\.meaning) == Self.examples.map(\.meaning))
    #expect(Set(LibarchiveMessage.rows.map(\.meaning)) == Set(LibarchiveMessage.allCases))
  }

  @Test(arguments: examples) func libarchiveUsesTheWords(example: Example) throws {
    let messages = try messages(of: example)
    #expect(
      messages.contains {
        $0.lowercased().contains(example.words) && example.meaning.isSaid(in: $0)
      }, "\(messages)")
  }

  /// All messages from libarchive about an archive.
  private func messages(of example: Example) throws -> [String] {
    let file = MemoryFile(example.bytes)
    let pipe = Pipe(example.isPipe ? example.bytes : [])
    let path = example.isPipe ? pipe.path : file.path
    let archive = try ArchiveHandle(FileInput(path: path), path: path) { raw in
      archive_read_support_filter_none(raw)
      ArchiveFormats.enable(raw)
      ArchiveFormats.enableZipDirectory(raw)
    }
    var messages: [String] = []
    var entry: OpaquePointer?
    while true {
      let status = archive_read_next_header(archive.raw, &entry)
      if status == ARCHIVE_EOF { return messages }
      if archive.hasMessage { messages.append(archive.message) }
      guard status >= ARCHIVE_WARN else { return messages }
      // A buffer of its own: skipping does not unpack.
      var space = [UInt8](repeating: 0, count: 1000)
      while archive_read_data(archive.raw, &space, space.count) > 0 {}
      if archive.hasMessage { messages.append(archive.message) }
    }
  }

  @Test(arguments: [
    ("encrypt", "refused: the archive is encrypted; unpack it with its password first"),
    ("passphrase", "refused: the archive is encrypted at n; unpack it with its password first"),
    (
      "support seeking",
      "refused: archives of this kind cannot be read as a stream; name the plain file"
    ),
    (
      "premature",
      "cutOff: damaged or cut-off archive at a: Premature end of stream during extraction of data (#2)"
    ),
    (
      "end of file",
      "cutOff: damaged or cut-off archive after abc: End of file trying to read next cpio header"
    ),
  ])
  func errorsSayWhatIsMeant(words: String, message: String) throws {
    let example = Self.examples.first { $0.words == words }!
    let file = MemoryFile(example.bytes)
    let pipe = Pipe(example.isPipe ? example.bytes : [])
    let source = try ArchiveSource(path: example.isPipe ? pipe.path : file.path)
    #expect {
      try Assembly { try source.read(into: $0) }
    } throws: {
      let error = $0 as? SourceError
      return error.map { "\($0.code): \($0.cause)" } == message
    }
  }

  /// A name is kept unchanged; not all versions of libarchive warn about an ACL.
  @Test(
    arguments: [
      ("can't be converted", 0...0), (".acl.", 0...1), ("acl attribute", 1...1),
    ] as [(String, ClosedRange<Int>)])
  func warningsStopNothing(words: String, count: ClosedRange<Int>) throws {
    let example = Self.examples.first { $0.words == words }!
    let file = MemoryFile(example.bytes)
    let source = try ArchiveSource(path: file.path)
    var warnings = 0
    source.warn = { _ in warnings += 1 }
    #expect(try Assembly { try source.read(into: $0) }.lines().count == 1)
    #expect(count.contains(warnings))
  }

  @Test func aContentThatCannotBeOpenedIsNamed() throws {
    let folder = try TemporaryFolder()
    #expect(symlink("loop", folder.path("loop")) == 0)
    let text = "#mtree\nx type=file contents=\(folder.path("loop"))\n"
    try folder.write("a.mtree", Array(text.utf8))
    let source = try ArchiveSource(path: Array(folder.path("a.mtree").utf8))
    #expect {
      try Assembly { try source.read(into: $0) }
    } throws: {
      ($0 as? SourceError)?.cause.hasPrefix("its content cannot be read (Can't open ") == true
    }
  }

  // MARK: Archives

  private static let content = [UInt8](repeating: 1, count: 700)

  private static func tar(_ add: (inout TarBuilder) -> Void) -> [UInt8] {
    var tar = TarBuilder()
    add(&tar)
    return tar.finished()
  }

  /// A zip archive of one member.
  ///
  /// - Parameter flags: 1 for encrypted, 0x800 for a name in UTF-8, which it is not.
  private static func zip(flags: UInt16) -> [UInt8] {
    var zip = ZipBuilder()
    zip.add("n", content)
    var bytes = zip.finished()
    if flags == 0x800 { bytes = bytes.map { $0 == UInt8(ascii: "n") ? 0xff : $0 } }
    for (mark, offset) in [([0x50, 0x4b, 3, 4] as [UInt8], 6), ([0x50, 0x4b, 1, 2], 8)] {
      let place = bytes.indices.first { bytes[$0...].starts(with: mark) }! + offset
      bytes[place] = UInt8(truncatingIfNeeded: flags)
      bytes[place + 1] = UInt8(flags >> 8)
    }
    return bytes
  }

  /// A RAR archive of version 4 whose header says that all else is encrypted.
  private static let encryptedRAR =
    bytes("526172211a0700 ce99 73 8000 0d00 000000000000")
    + [UInt8](repeating: 0, count: 64)

  /// A RAR archive of version 5 with a member whose compressed bits end within a symbol.
  private static let rar5 = bytes(
    """
    526172211a070100 c51a3332 03010000 67120db4 0d020256000aa483028003010161
    c7ce53009600be6a5db3bc701b8500bb0bd900642bfb33dc67f300e88cbac800
    0000218ff3de8d81d0588a9c993a8cdc8dd100f11500c13fcc582a8700a5747f
    06573040003500f9040929818b0000b1390793006d4c19b23a 3503050000
    """)

  /// A 7z archive of one stored file.
  private static let sevenZip = bytes(
    """
    377abcaf271c0004c98b504f09000000000000004a00000000000000a03e38df
    01000468656c6c6f000104060001090900070b010001212101000c0500080a01
    86a6103600000501190c00000000000000000000000011050066000000140a01
    00bec0f5705280dd01150601002080a4810000
    """)

  /// A binary cpio archive with half a header after its only member.
  private static let binaryCpio = bytes(
    """
    c771 0000 0100 a481 0000 0000 0100 0000 0000 0000 0400 0000 0600 61626300 68656c6c6f21
    c771 0000 0100 a481 0000 0000 0100 0000 0000 0000
    """)

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
