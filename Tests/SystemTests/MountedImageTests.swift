import Foundation
import Glibc
import TestSupport
import Testing

/// Images mounted by the kernel and read by others, compared entry by entry with their source.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) struct MountedImageTests {
  /// A tree with one of everything.
  static func makeTree(in root: String) throws {
    let script = #"""
      set -e
      umask 022
      mkdir plain empty 'sp ace' deep many
      printf 'hello\n' > plain/hello
      : > plain/nothing
      for n in 1 4095 4096 131071 131072 131073 262144 300000; do
        head -c $n /dev/urandom > plain/random$n
        yes "line $n" | head -c $n > plain/text$n
      done
      cp plain/text300000 plain/copy300000
      cp /bin/bash plain/program
      tail -c +5000 /bin/bash | head -c 90000 > plain/program-tail
      cp plain/random300000 'sp ace/copy'
      cp plain/hello plain/hello-again
      head -c 1000000 /dev/zero > plain/zeros
      truncate -s 3M plain/sparse
      printf data | dd of=plain/sparse bs=1 seek=2500000 conv=notrunc status=none
      truncate -s 700000 plain/tail-hole
      printf x | dd of=plain/tail-hole bs=1 seek=200000 conv=notrunc status=none
      ln plain/hello plain/link1
      ln plain/hello 'sp ace/link2'
      ln -s hello plain/soft
      ln -s /nowhere/at/all plain/dangling
      ln plain/soft plain/soft-again
      ln -s "$(head -c 4000 /dev/zero | tr '\0' a)" plain/long-target
      mkfifo plain/pipe
      mknod plain/null c 1 3
      mknod plain/disk b 259 65793
      python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("plain/socket")'
      chmod 4755 plain/random1
      chmod 2711 plain/text1
      chmod 1777 empty
      chmod 0 plain/text4096
      touch -d @1000000000 plain/hello
      touch -d @4294967295 plain/random4095
      touch -h -d @86400 plain/soft
      chown 1234:4321 plain/text1
      chown -h 65534:12345678 plain/dangling
      setfattr -n user.note -v short plain/hello
      setfattr -n user.note -v "a value that is longer than eight bytes" plain/random1
      setfattr -n user.note -v "a value that is longer than eight bytes" plain
      setfattr -n trusted.t -v 1 plain
      setfattr -h -n trusted.t -v 2 plain/dangling
      setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 plain/text4095
      cd deep
      i=0; while [ $i -lt 120 ]; do mkdir d$i; cd d$i; i=$((i+1)); done
      printf bottom > file
      """#
    try Tool.check(["bash", "-c", script], in: root)
    for name in [
      "a\nb", "quote\"'", "tab\t", "back\\slash", "*?[", " lead",
      String(repeating: "n", count: 255),
    ] {
      try Tool.check(["touch", "-d", "@1500000000", "\(root)/many/\(name)"])
    }
    let invalid: [UInt8] = Array("\(root)/many/".utf8) + [0xff, 0xfe, 0x80]
    let made = invalid.withUnsafeBufferPointer { bytes in
      (Array(bytes.map { CChar(bitPattern: $0) }) + [0]).withUnsafeBufferPointer {
        mkdir($0.baseAddress!, 0o700)
      }
    }
    #expect(made == 0)
    for number in 0..<1000 {
      try Data("\(number)".utf8).write(to: URL(fileURLWithPath: "\(root)/many/f\(number)"))
    }
  }

  let folder: TemporaryFolder
  let source: Snapshot

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path("tree")])
    try Self.makeTree(in: folder.path("tree"))
    source = try Snapshot(of: folder.path("tree"))
  }

  func pack(_ options: String...) throws -> String { try pack(options) }

  func pack(_ options: [String]) throws -> String {
    let result = try Tool.run(
      [Tool.autosquash, "pack", "tree", "-f", "-o", "tree.squash"] + options, in: folder.root)
    try #require(result.status == 0, "\(result.summary)")
    return folder.path("tree.squash")
  }

  func expectSame(_ found: Snapshot, _ expected: Snapshot) {
    let differences = found.differences(from: expected)
    #expect(differences.isEmpty, "\(differences.prefix(20).joined(separator: "\n"))")
  }

  @Test(arguments: ["xz", "gzip", "zstd", "lz4", "none"])
  func kernelSeesTheSource(compression: String) throws {
    let image = try pack("--ownership", "keep", "--compression", compression)
    let found = try withMount(of: image) { try Snapshot(of: $0) }
    expectSame(found, source)
  }

  /// Thousands of full blocks that end anywhere in a page: in data and in tables.
  @Test(arguments: ["xz", "gzip", "zstd", "lz4"], ["standard", "front"])
  func kernelReadsEveryBlock(compression: String, layout: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p tree/many; seq 1 3000000 | awk '{print $1*7919%1000003}' > tree/numbers
        cd tree/many; seq 1 40000 | awk '{print $1*7919%1000003}' | xargs touch
        """,
      ], in: folder.root)
    try Tool.check(
      [
        Tool.autosquash, "pack", "tree", "-q", "--block-size", "4K", "--level", "1",
        "--compression", compression, "--layout", layout,
      ], in: folder.root)
    #expect(try Tool.autosquash("verify", "tree.squash", in: folder.root).status == 0)
    try withMount(of: folder.path("tree.squash")) { mount in
      let result = try Tool.run(["diff", "-r", mount, folder.path("tree")])
      #expect(result.status == 0, "\(result.summary.suffix(1000))")
    }
  }

  @Test(arguments: ["xz", "none"])
  func kernelSeesTheSourceBehindTheTables(compression: String) throws {
    let image = try pack(
      "--ownership", "keep", "--compression", compression, "--layout", "front", "--exports")
    expectSame(try withMount(of: image) { try Snapshot(of: $0) }, source)
  }

  @Test(arguments: [["--bcj", "none"], ["--block-size", "4K"], ["--block-size", "1M"]])
  func kernelSeesProgramsWithAndWithoutFilter(options: [String]) throws {
    let image = try pack(["--ownership", "keep"] + options)
    expectSame(try withMount(of: image) { try Snapshot(of: $0) }, source)
  }

  /// Needs Linux 6.12 for arm64.
  @Test(arguments: ["x86", "arm", "armthumb", "arm64", "powerpc", "sparc"])
  func kernelTakesTheFilter(of processor: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", "tree"], in: folder.root)
    for seed in 1...5 as ClosedRange<UInt64> {
      try folder.write(
        "tree/\(seed)", MachineCode.bytes(for: processor, seed: seed, count: 90_001 * Int(seed)))
    }
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-q", "--bcj", "x86,\(processor)"], in: folder.root)
    let facts = try Tool.autosquash("info", "tree.squash", in: folder.root).text
    #expect(facts.contains("CONFIG_XZ_DEC_\(processor.uppercased())"), "\(facts)")
    let verified = try Tool.autosquash("verify", "tree.squash", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    #expect(verified.summary.contains("needs Linux 6.12") == (processor == "arm64"))
    _ = try withMount(of: folder.path("tree.squash")) {
      try Tool.check(["diff", "-r", $0, folder.path("tree")])
    }
  }

  @Test(arguments: ["4K", "1M"]) func kernelSeesTheSourceInOtherBlockSizes(size: String) throws {
    let image = try pack("--ownership", "keep", "--block-size", size, "--level", "1", "--exports")
    expectSame(try withMount(of: image) { try Snapshot(of: $0) }, source)
  }

  @Test func otherFileSystemsAreLeftOutWhenAsked() throws {
    let inside = folder.path("tree/empty")
    try Tool.check(["mount", "-t", "tmpfs", "tmpfs", inside])
    defer { _ = try? Tool.run(["umount", "-l", inside]) }
    try Tool.check(["touch", "\(inside)/elsewhere"])
    let with = try Listing(of: try pack("--level", "0"))
    #expect(with["empty/elsewhere"] != nil)
    let without = try Listing(of: try pack("--level", "0", "--one-file-system"))
    #expect(without["empty"] != nil && without["empty/elsewhere"] == nil)
  }

  @Test func everythingBelongsToRootByDefault() throws {
    let image = try pack()
    let expected = source.mapping { entry in
      let changes = entry.uid != 0 || entry.gid != 0
      if changes && entry.type == S_IFREG { entry.mode &= ~0o6000 }
      (entry.uid, entry.gid) = (0, 0)
    }
    expectSame(try withMount(of: image) { try Snapshot(of: $0) }, expected)
  }

  @Test func directoryAndTarballsGiveTheSameBytes() throws {
    // tar cannot store sockets.
    try Tool.check(["rm", folder.path("tree/plain/socket")])
    let pax = "tar --sort=name --format=posix --xattrs --xattrs-include='*' -S -cf - ."
    try expectSameBytes(
      of: "tree",
      commands: [
        pax, "\(pax) | gzip -1", "\(pax) --sparse-version=0.0 | zstd",
        "\(pax) --sparse-version=0.1 | lz4", "\(pax) | xz -0",
      ])
    // Other dialects cannot store attributes.
    try Tool.check(["cp", "-a", "--no-preserve=xattr", "tree", "bare"], in: folder.root)
    try expectSameBytes(
      of: "bare",
      commands: [
        "tar --sort=name --format=gnu -S -cf - .",
        "tar --sort=name --format=oldgnu -S -cf - . | bzip2",
      ])
  }

  private func expectSameBytes(of tree: String, commands: [String]) throws {
    let options = ["-f", "--ownership", "keep", "--compression", "zstd", "--level", "1"]
    try Tool.check(
      [Tool.autosquash, "pack", tree, "-o", "directory.squash"] + options, in: folder.root)
    let expected = try folder.read("directory.squash")
    for command in commands {
      try Tool.check(["sh", "-c", "cd \(tree) && \(command) > ../in.tar"], in: folder.root)
      let result = try Tool.run(
        [Tool.autosquash, "pack", "in.tar", "-o", "archive.squash"] + options, in: folder.root)
      try #require(result.status == 0, "\(command): \(result.summary)")
      #expect(try folder.read("archive.squash") == expected, "\(command)")
    }
  }

  @Test func sparseFileBeyondFourGigabytes() throws {
    try Tool.check(["mkdir", folder.path("huge")])
    try Tool.check(
      [
        "sh", "-c",
        "truncate -s 5G f && printf data | dd of=f bs=1 seek=4400000000 conv=notrunc status=none",
      ],
      in: folder.path("huge"))
    try Tool.check(["tar", "-S", "-cf", "huge.tar", "huge"], in: folder.root)
    for (source, image) in [("huge", "a.squash"), ("huge.tar", "b.squash")] {
      try Tool.check([Tool.autosquash, "pack", source, "-o", image], in: folder.root)
      try withMount(of: folder.path(image)) { mount in
        let found = try Tool.check(["stat", "-c", "%s %b", "\(mount)/f"]).text
        // 5 GiB, and no more blocks than one of data.
        #expect(found.hasPrefix("5368709120 "))
        #expect(Int(found.dropFirst(11).dropLast()).map { $0 <= 256 } == true, "\(found)")
        let part = try Tool.check(
          ["sh", "-c", "tail -c +4399999991 '\(mount)/f' | head -c 30 | od -An -c | tr -d ' \n'"])
        #expect(
          part.text == String(repeating: "\\0", count: 10) + "data"
            + String(repeating: "\\0", count: 16))
      }
    }
    #expect(try folder.read("a.squash").count <= 16384)
  }

  @Test func threadsDoNotChangeTheBytes() throws {
    _ = try pack("--threads", "1", "--level", "1")
    let expected = try folder.read("tree.squash")
    for threads in ["2", "8"] {
      _ = try pack("--threads", threads, "--level", "1")
      #expect(try folder.read("tree.squash") == expected, "\(threads) threads")
    }
  }

  @Test func devicesAndOwnersComeFromAnMtreeSpecification() throws {
    try folder.write("content", Array("from a file\n".utf8))
    try folder.write(
      "spec.mtree",
      Array(
        """
        #mtree
        . type=dir mode=0755 uid=0 gid=0 time=1000000000.0
        ./null type=char mode=0666 uid=0 gid=0 device=linux,1,3 time=1000000000.0
        ./file type=file mode=0640 uid=12 gid=34 contents=content time=1000000000.0
        ./link type=link mode=0777 link=file time=1000000000.0

        """.utf8))
    let result = try Tool.autosquash(
      "pack", "spec.mtree", "--ownership", "keep", in: folder.root)
    try #require(result.status == 0, "\(result.summary)")
    let found = try withMount(of: folder.path("spec.squash")) { try Snapshot(of: $0) }
    let file = try #require(found.entries[Array("file".utf8)])
    #expect(file.uid == 12 && file.gid == 34 && file.mode == 0o640 && file.size == 12)
    let null = try #require(found.entries[Array("null".utf8)])
    #expect(null.type == S_IFCHR && null.device == 0x103 && null.mtime == 1_000_000_000)
    #expect(found.entries[Array("link".utf8)]?.target == Array("file".utf8))
    try Tool.check(["rm", folder.path("content")])
    let missing = try Tool.autosquash("pack", "spec.mtree", "-f", in: folder.root)
    #expect(missing.status == 2 && missing.errors.contains("file: its content cannot be read"))
  }

  /// Gaps in a specification are not filled from wherever it is read.
  @Test func specificationsAreReadTheSameEverywhere() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir data && echo ACGT > data/genome.fa"], in: folder.root)
    // Even without a newline at its end.
    try folder.write(
      "image.mtree",
      Array(
        """
        #mtree
        .         type=dir  mode=0755 uid=0 gid=0
        ./null    type=char mode=0666 uid=0 gid=0 device=linux,1,3
        ./data    type=dir  mode=0755 uid=0 gid=0
        ./genome  type=file mode=0640 uid=0 gid=500 contents=data/genome.fa
        """.utf8))
    func autosquash(_ arguments: String...) throws -> Tool.Result {
      try Tool.run([Tool.autosquash] + arguments + ["--ownership", "keep"], in: folder.root)
    }
    #expect(try autosquash("pack", "image.mtree", "-o", "a.squash", "-q").status == 0)
    try Tool.check(["touch", "-d", "@1900000000", ".", "data"], in: folder.root)
    let verified = try autosquash("verify", "a.squash", "--against", "image.mtree")
    #expect(verified.status == 0, "\(verified.summary)")
    #expect(try autosquash("pack", "image.mtree", "-o", "b.squash", "-q").status == 0)
    #expect(try folder.read("a.squash") == folder.read("b.squash"))
    let times = try Tool.check(
      ["sh", "-c", "stat -c %Y data/genome.fa; '\(Tool.autosquash)' ls -lR a.squash --json"],
      in: folder.root
    ).text
    let newest = times.prefix { $0 != "\n" }
    #expect(times.ranges(of: newest).count == 4, "\(times)")
    #expect(try Listing(of: folder.path("a.squash"))["genome"] != nil)
  }

  /// The kernel reads blocks of 1 KiB from a device; `verify` predicts what will not mount.
  @Test func imagesMountWhereTheirLastBlockIsWhole() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", "tree"], in: folder.root)
    for size in stride(from: 3000, through: 4200, by: 200) {
      try Tool.check(
        [
          "sh", "-c",
          "head -c \(size) /dev/urandom > tree/f; rm -f i.squash; "
            + "mksquashfs tree i.squash -nopad -quiet -no-progress && truncate -s %512 i.squash",
        ], in: folder.root)
      let isWhole = try Tool.autosquash("verify", "i.squash", in: folder.root).status == 0
      let mounts =
        (try? withMount(of: folder.path("i.squash")) {
          try Tool.check(["cmp", "\($0)/f", folder.path("tree/f")])
        }) != nil
      #expect(isWhole == mounts, "\(size) bytes")
    }
  }

  /// A machine image is often prepared in a chroot with nothing but files. (Sanitizers need
  /// /proc.)
  @Test(.disabled(if: Tool.isSanitized)) func worksWithoutProc() throws {
    let folder = try TemporaryFolder()
    let script = """
      set -e; umount -l /proc
      mkdir -p tree/d; head -c 300000 /dev/urandom > tree/large; echo x > tree/d/small; ln -s d tree/l
      autosquash=$1
      $autosquash pack tree -q; $autosquash verify -q tree.squash --against tree
      $autosquash extract tree.squash -C out -q; diff -r --no-dereference tree out
      $autosquash extract tree.squash -C out -q --force; diff -r --no-dereference tree out
      ! $autosquash ls nothing.squash
      """
    let result = try Tool.run(
      ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", Tool.autosquash],
      in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
  }

  /// Linux limits each attribute, and the list of their names, but not all values together.
  @Test func manyLargeAttributesAreKept() throws {
    let folder = try TemporaryFolder()
    let script = """
      set -e; mount -t tmpfs none .; cd "$PWD"
      mkdir tree m; echo x > tree/file
      python3 -c 'import os
      for number in range(20):
          os.setxattr("tree/file", f"trusted.a{number}", bytes([65 + number]) * 60000)'
      $1 pack tree -q; $1 verify -q tree.squash --against tree
      $1 extract tree.squash -C out -q; $1 diff tree out
      mount -o loop,ro tree.squash m; $1 diff tree m; umount m
      """
    let result = try Tool.run(
      ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", Tool.autosquash],
      in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
  }
}
