import TestSupport
import Testing

/// Zip archives are read by their directories, wherever those are, or refused: the headers before
/// the members have neither links nor modes.
@Suite struct ZipTests {
  /// Python that makes `in.zip`: a program, a link, a file.
  private static let make = """
    import zipfile, sys, os, struct
    def write(name='in.zip', comment=b'', prefix=b'', suffix=b''):
        z = zipfile.ZipFile('z', 'w', zipfile.ZIP_DEFLATED)
        z.comment = comment
        for path, mode, data in (('env/bin/run', 0o100755, '#!/bin/sh\\n' * 50),
                                 ('env/lib64', 0o120777, 'lib'), ('env/data', 0o100600, 'x')):
            i = zipfile.ZipInfo(path); i.create_system = 3; i.external_attr = mode << 16
            z.writestr(i, data, zipfile.ZIP_DEFLATED)
        z.close()
        open(name, 'wb').write(prefix + open('z', 'rb').read() + suffix)
    """

  private func pack(
    _ python: String, _ options: [String] = []
  ) throws -> (folder: TemporaryFolder, result: Tool.Result) {
    let folder = try TemporaryFolder()
    try Tool.check(["python3", "-c", Self.make + "\n" + python], in: folder.root)
    let result = try Tool.run(
      [Tool.autosquash, "pack", "in.zip", "-o", "out.squash"] + options, in: folder.root)
    return (folder, result)
  }

  static let read: [(python: String, warning: String)] = [
    ("write()", ""),
    ("write(comment=b'c' * 20000)", ""),
    ("write(comment=b'PK\\5\\6' + b'c' * 65000)", ""),
    ("write(prefix=b'#!/bin/sh\\nexit\\n')", "15 bytes before the start of the archive ignored"),
    ("write(suffix=b'signature\\n')", "10 bytes after the end of the archive ignored"),
    ("write(suffix=b's' * 3000000)", "3,000,000 bytes after the end of the archive ignored"),
    ("write(suffix=bytes(70000))", ""),
    (
      "write(comment=b'c' * 30000, prefix=b'x' * 70000, suffix=b's' * 70000)",
      "70,000 bytes before the start"
    ),
    // A zip64 locator with 0 disks, as some writers store it.
    (
      """
      write(); b = open('in.zip', 'rb').read(); e = b.rindex(b'PK\\5\\6')
      count, size, offset = struct.unpack('<HII', b[e+10:e+20])
      large = b'PK\\6\\6' + struct.pack('<QHHIIQQQQ', 44, 45, 45, 0, 0, count, count, size, offset)
      end = b[e:e+8] + b'\\xff' * 12 + b[e+20:]
      open('in.zip', 'wb').write(b[:e] + large + b'PK\\6\\7' + struct.pack('<IQI', 0, e, 0) + end)
      """, ""
    ),
    // What was deleted is still there, but not in the directory.
    (
      """
      write('one.zip'); b = open('one.zip', 'rb').read()
      old = zipfile.ZipFile('old.zip', 'w'); old.writestr('deleted', 'gone'); old.close()
      o = open('old.zip', 'rb').read(); head = o[:o.index(b'PK\\1\\2')]
      c = b.index(b'PK\\1\\2'); e = b.rindex(b'PK\\5\\6')
      d = bytearray(b[c:e]); p = 0
      while p < len(d):
          n, x, k = struct.unpack('<HHH', d[p+28:p+34])
          d[p+42:p+46] = struct.pack('<I', struct.unpack('<I', d[p+42:p+46])[0] + len(head))
          p += 46 + n + x + k
      end = b[e:e+16] + struct.pack('<I', c + len(head)) + b[e+20:]
      open('in.zip', 'wb').write(head + b[:c] + bytes(d) + end)
      """, ""
    ),
  ]

  @Test(arguments: read) func archivesAreReadByTheirDirectories(
    python: String, warning: String
  ) throws {
    let (folder, result) = try pack(python)
    try #require(result.status == 0, "\(result.summary)")
    #expect(
      warning.isEmpty
        ? !result.errors.contains("ignored") : result.errors.contains(warning),
      "\(result.summary)")
    let listing = try Listing(of: folder.path("out.squash"))
    #expect(listing.paths == ["bin", "bin/run", "data", "lib64"])
    #expect(listing["bin/run"]?.mode == "-rwxr-xr-x")
    #expect(listing["lib64"]?.mode == "lrwxrwxrwx")
    #expect(listing["data"]?.mode == "-rw-------")
    let script = String(repeating: "#!/bin/sh\n", count: 50)
    #expect(try content(of: "bin/run", in: folder.path("out.squash")) == bytes(script))
    // unzip reads the same, if it finds the directory.
    let unzipped = try Tool.run(["unzip", "-q", "in.zip", "-d", "u"], in: folder.root)
    if unzipped.status <= 1 {
      let same = try Tool.autosquash(
        "diff", "out.squash", "u/env", "--ignore", "owner,mtime,mode", in: folder.root)
      #expect(same.status == 0, "\(same.summary)")
    }
    let verified = try Tool.autosquash(
      "verify", "out.squash", "--against", "in.zip", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
  }

  static let refused: [(python: String, message: String)] = [
    (
      "write('a'); write('b'); open('in.zip', 'wb').write(open('a', 'rb').read() * 2)",
      "a zip archive begins before the last one"
    ),
    (
      "import tarfile; open('p', 'w').write('x'); t = tarfile.open('t', 'w'); t.add('p'); t.close()\n"
        + "write(suffix=open('t', 'rb').read().ljust(10240, b'\\0'))", "a tar archive follows"
    ),
    ("write(suffix=b'\\x1f\\x8b\\x08' + b'z' * 100)", "a gzip stream follows"),
    ("write(comment=b'c' * 100); os.truncate('in.zip', os.path.getsize('in.zip') - 1)", "cut off"),
    ("write(); os.truncate('in.zip', os.path.getsize('in.zip') - 30)", "cut off"),
    // The directory says one member more than there is.
    (
      """
      write(); b = bytearray(open('in.zip', 'rb').read()); e = b.rindex(b'PK\\5\\6')
      b[e+8] += 1; b[e+10] += 1; open('in.zip', 'wb').write(b)
      """, "cut off: its directory is not at the end"
    ),
    // Two members at the same place: libarchive reads only one of them.
    (
      """
      write(); b = bytearray(open('in.zip', 'rb').read()); c = b.index(b'PK\\1\\2')
      n, x, k = struct.unpack('<HHH', b[c+28:c+34]); second = c + 46 + n + x + k
      b[second+42:second+46] = b[c+42:c+46]; open('in.zip', 'wb').write(b)
      """, "its directory has 3 members, but 2 could be read"
    ),
    // Beyond 4 GiB without zip64.
    (
      """
      write('a'); b = open('a', 'rb').read(); c = b.index(b'PK\\1\\2')
      with open('in.zip', 'wb') as f:
          f.write(b[:c]); f.seek(c + (1 << 32)); f.write(b[c:])
      """, "whose directory stores offsets modulo 4 GiB"
    ),
  ]

  @Test(arguments: refused) func othersAreRefused(python: String, message: String) throws {
    let (folder, result) = try pack(python)
    #expect(result.status == 1 && result.errors.contains(message), "\(result.summary)")
    #expect(!folder.exists("out.squash"))
  }

  @Test func namesOfOtherCharacterSetsAreConverted() throws {
    let python = """
      z = zipfile.ZipFile('in.zip', 'w')
      class Info(zipfile.ZipInfo):
          def _encodeFilenameFlags(self): return self.filename.encode('cp437'), 0
      z.writestr(Info('caf\\u00e9'), 'x'); z.writestr('\\u00fc', 'y'); z.close()
      """
    let (plain, told) = try pack(python)
    #expect(told.errors.contains("1 name is not UTF-8; --zip-charset cp437"), "\(told.summary)")
    #expect(
      try Tool.check(["unsquashfs", "-lc", plain.path("out.squash")]).output
        .contains(0x82))
    let (folder, result) = try pack(python, ["--zip-charset", "cp437"])
    #expect(result.status == 0 && !result.errors.contains("UTF-8"), "\(result.summary)")
    #expect(try Listing(of: folder.path("out.squash")).paths.sorted() == ["café", "ü"])
    let (_, unknown) = try pack(python, ["--zip-charset", "klingon"])
    #expect(
      unknown.status == 64 && unknown.errors.contains("'klingon' is not a known character set"),
      "\(unknown.summary)")
  }

  /// A directory spanning many pieces is read once.
  @Test func archivesOfManyMembersAreRead() throws {
    var zip = ZipBuilder()
    for number in 0..<30_000 { zip.add("f\(number)", []) }
    let packed = try Packed(zip.finished(), name: "in.zip")
    #expect(packed.result.status == 0, "\(packed.result.summary)")
    #expect(packed.result.errors.contains("30,001 files and directories"))
  }

  @Test func anEmptyArchiveIsOne() throws {
    let packed = try Packed(ZipBuilder().finished(), name: "in.zip")
    #expect(try packed.listing().paths == [])
    #expect(packed.result.errors.contains("the archive has no members"))
  }

  /// A zip archive inside another archive is a member, not the source.
  @Test(arguments: ["iso9660", "bin", "pwb"])
  func archivesThatHoldOneAreReadThemselves(format: String) throws {
    let folder = try TemporaryFolder()
    var zip = ZipBuilder()
    zip.add("within", bytes("x"))
    try folder.write("a.zip", zip.finished())
    try folder.write("b.txt", bytes("y"))
    try Tool.check(["bsdtar", "--format", format, "-cf", "in", "a.zip", "b.txt"], in: folder.root)
    let result = try Tool.autosquash("pack", "in", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(try Listing(of: folder.path("in.squash")).paths == ["a.zip", "b.txt"])
  }
}
