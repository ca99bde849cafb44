import FileTrees
import TestSupport
import Testing
import TreeModel

/// Small archives, written byte by byte.
@Suite struct ArchiveSourceTests {
  /// The result of reading an archive.
  struct Result {
    var lines: [String]
    var warnings: [String]
    var wasCut: Bool
  }

  private func read(
    _ bytes: [UInt8], facts: Set<Fact> = [], options: ArchiveSource.Options = .init()
  ) throws -> Result {
    let file = MemoryFile(bytes)
    return try read(path: file.path, facts: facts, options: options)
  }

  private func read(
    path: [UInt8], facts: Set<Fact> = [], options: ArchiveSource.Options = .init()
  ) throws -> Result {
    let source = try ArchiveSource(path: path, options: options)
    var warnings: [String] = []
    source.warn = { warnings.append($0) }
    let made = try Assembly {
      $0.ownership.owner = .keep
    } read: {
      try source.read(into: $0)
    }
    return Result(lines: made.lines(facts), warnings: warnings, wasCut: source.wasCut)
  }

  /// The error without the file's name.
  private func message(_ body: () throws -> Result) -> String? {
    do {
      _ = try body()
      return nil
    } catch let error as SourceError {
      return "\(error.code): \(error.cause)"
    } catch {
      return "\(error)"
    }
  }

  private static func tar(_ add: (inout TarBuilder) -> Void, endBlocks: Int = 2) -> [UInt8] {
    var tar = TarBuilder()
    add(&tar)
    return tar.finished(endBlocks: endBlocks)
  }

  private static let oneFile = tar { $0.add("a", Array("hello".utf8)) }

  @Test func tarMembersOfAllKindsAreRead() throws {
    let bytes = Self.tar {
      $0.add("d/", type: "5", mode: 0o750)
      $0.add("d/f", Array("hello".utf8), mode: 0o4755, uid: 3, gid: 4, mtime: 7)
      $0.add("d/h", type: "1", link: "d/f")
      $0.add("l", type: "2", link: "d/f")
      $0.add("c", type: "3", device: (1, 3))
      $0.add("b", type: "4", device: (8, 1))
      $0.add("p", type: "6")
    }
    #expect(
      try read(bytes, facts: [.mode, .owner, .time]).lines == [
        "b b 8,1 mode=644 owner=1000:1000 time=1600000000",
        "c c 1,3 mode=644 owner=1000:1000 time=1600000000",
        "d d mode=750 owner=1000:1000 time=1600000000",
        "f d/f hello mode=4755 owner=3:4 time=7",
        "h d/h = d/f mode=4755 owner=3:4 time=7",
        "l l -> d/f mode=777 owner=1000:1000 time=1600000000",
        "p p mode=644 owner=1000:1000 time=1600000000",
      ])
  }

  /// A pax header has what does not fit into ustar; a global one is for members without their own.
  @Test func paxHeadersCount() throws {
    let long = String(repeating: "n", count: 200)
    let bytes = Self.tar {
      $0.addPax([("mtime", Array("9.5".utf8)), ("uid", Array("70000000".utf8))], isGlobal: true)
      $0.addPax([("path", Array(long.utf8)), ("SCHILY.xattr.user.note", Array("yes".utf8))])
      $0.add("short")
      $0.addPax([("linkpath", [0xff, UInt8(ascii: "x")]), ("mtime", Array("8".utf8))])
      $0.add("l", type: "2", link: "short")
    }
    #expect(
      try read(bytes, facts: [.owner, .time, .xattrs]).lines == [
        "l l -> \\377x owner=70000000:1000 time=8",
        "f \(long) owner=70000000:1000 time=9 x:user.note=yes",
      ])
  }

  @Test(arguments: [CpioBuilder.Form.new, .checked, .odc])
  func namesOfOneFileInCpioAreHardLinks(form: CpioBuilder.Form) throws {
    var cpio = CpioBuilder(form)
    // The new forms bring the bytes with the last name, the old one with each.
    cpio.add("a", form == .odc ? "hello" : "", inode: 5, links: 2)
    cpio.add("b", "hello", inode: 5, links: 2)
    cpio.add("c", "other", inode: 6, links: 1)
    #expect(try read(cpio.finished()).lines == ["f a hello", "h b = a", "f c other"])
  }

  @Test func zipMembersHaveTheirModes() throws {
    var zip = ZipBuilder()
    zip.add("d/", [], mode: 0o040700)
    zip.add("d/run", Array("hi".utf8), mode: 0o100755)
    zip.add("d/link", Array("run".utf8), mode: 0o120777)
    #expect(
      try read(zip.finished(), facts: [.mode]).lines == [
        "d d mode=700", "l d/link -> run mode=777", "f d/run hi mode=755",
      ])
  }

  /// An input that can be read only once gives the same as a file.
  @Test func archivesComeThroughPipes() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("a", "hello", inode: 1, links: 1)
    for bytes in [Self.oneFile, cpio.finished()] {
      let pipe = Pipe(bytes)
      #expect(try read(path: pipe.path).lines == ["f a hello"])
    }
    var zip = ZipBuilder()
    zip.add("a", Array("hello".utf8))
    let pipe = Pipe(zip.finished())
    #expect(
      message { try read(path: pipe.path) }
        == "refused: a zip archive cannot be read as a stream: its directory is at the end; name the "
        + "plain file")
  }

  @Test(
    arguments: [
      ("an empty file", [], "damaged: the file is empty, not an archive"),
      (
        "a text", Array("just a text".utf8),
        "unreadable: not an archive of a known kind, but a single file"
      ),
      (
        "a type that nobody knows", tar { $0.add("a", type: "Q") },
        "refused: a member of unknown type Q cannot go into an image"
      ),
      (
        "the rest of another volume", tar { $0.add("a", type: "M") },
        "refused: the continuation of a file from another volume cannot go into an image"
      ),
      (
        "no end", tar({ $0.add("a") }, endBlocks: 0),
        "cutOff: the archive is cut off: it has no end-of-archive block"
      ),
      (
        "half a file", Array(tar { $0.add("a", [UInt8](repeating: 1, count: 700)) }.prefix(1000)),
        "cutOff: damaged or cut-off archive at a: Truncated tar archive"
      ),
      (
        "another archive behind it", oneFile + oneFile,
        "refused: a tar archive follows the end of this one: 2,048 bytes would be lost"
      ),
      (
        "a checksum that is wrong", checked(sum: 1),
        "damaged: damaged archive at a: its checksum is wrong"
      ),
      (
        "malformed records",
        tar {
          $0.add("PaxHeaders/x", type: "x", Array("99 path=b\n".utf8))
          $0.add("a")
        }, nil
      ),
    ] as [(String, [UInt8], String?)])
  func whatIsWrongIsSaid(what: String, bytes: [UInt8], message: String?) {
    let found = self.message { try read(bytes) }
    if let message {
      #expect(found == message, "\(what)")
    } else {
      #expect(found != nil, "\(what)")
    }
  }

  private static func checked(sum: Int?) -> [UInt8] {
    var cpio = CpioBuilder(.checked)
    cpio.add("a", "hello", inode: 1, links: 1, checksum: sum)
    return cpio.finished()
  }

  @Test func anArchiveThatIsCutOffGoesAsFarAsItGoes() throws {
    let bytes = Self.tar {
      $0.add("a", Array("hello".utf8))
      $0.add("b", [UInt8](repeating: 1, count: 5000))
    }
    var options = ArchiveSource.Options()
    options.allowsTruncated = true
    let result = try read(Array(bytes.prefix(3000)), options: options)
    #expect(result.lines == ["f a hello"] && result.wasCut)
    #expect(
      result.warnings == [
        "damaged or cut-off archive at b: Truncated tar archive; packed the 1 entry before that, "
          + "and nothing after"
      ])
  }

  @Test func archivesBehindTheEndAreReadWhereThatIsWanted() throws {
    let other = Self.tar { $0.add("b", Array("there".utf8)) }
    var options = ArchiveSource.Options()
    options.ignoresZeros = true
    #expect(try read(Self.oneFile + other, options: options).lines == ["f a hello", "f b there"])
  }

  @Test(arguments: [
    (
      oneFile + [UInt8](repeating: 0x6a, count: 20_000),
      "11,808 bytes after the end of the archive ignored"
    ),
    (
      tar({ $0.add("a", Array("hello".utf8)) }, endBlocks: 1),
      "only one block of zeros at the end, expected two"
    ),
    (tar({ _ in }), "the archive has no members"),
  ])
  func whatIsOddIsSaid(bytes: [UInt8], warning: String) throws {
    #expect(try read(bytes).warnings == [warning])
  }

  @Test(arguments: [
    (oneFile, "a"),
    (
      tar {
        $0.add("t/a")
        $0.add("t/b")
      }, "t"
    ),
  ])
  func theOnlyTopIsFound(bytes: [UInt8], name: String) throws {
    let file = MemoryFile(bytes)
    let source = try ArchiveSource(path: file.path)
    let made = try Assembly {
      $0.stripsSingleTop = true
      $0.selection.excludes = [SelectionPattern(Glob(Array("/b".utf8)), .exclude)]
    } read: { assembler in
      assembler.findTop = { try source.findTop() }
      try source.read(into: assembler)
    }
    #expect(made.lines() == (name == "t" ? ["f a"] : ["f a hello"]))
    #expect(made.notes.strippedTop == (name == "t" ? Array("t".utf8) : nil))
  }
}
