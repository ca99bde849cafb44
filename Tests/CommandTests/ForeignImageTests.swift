import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// Images by other writers, with every compressor and many options, are read correctly.
@Suite struct ForeignImageTests {
  static let source = #"""
    set -e
    mkdir -p tree/a/b/c tree/empty tree/big tree/many
    seq 1 60000 > tree/big/numbers; cp tree/big/numbers tree/big/copy
    head -c 300000 /dev/urandom > tree/big/random
    (seq 1 30000; head -c 400000 /dev/zero; echo end) > tree/big/holes
    truncate -s 3M tree/big/allhole
    ln tree/big/numbers tree/a/hard
    ln -s ../big/numbers tree/a/link; ln -s nowhere tree/dangling
    mkfifo tree/fifo; mknod tree/null c 1 3; mknod tree/loop b 7 300
    setfattr -n user.comment -v hello tree/big/numbers
    setfattr -n user.long -v "$(seq 1 200 | tr '\n' x)" tree/big/random
    setfattr -n user.long -v "$(seq 1 200 | tr '\n' x)" tree/a
    setfattr -n security.foo -v bar tree/a/b
    chmod 4755 tree/a/hard; chmod 1777 tree/empty; chmod 0 tree/a/b/c; chown 1000:2000 tree/big/random
    for i in $(seq 1 700); do echo "file $i" > tree/many/some-longer-name-for-file-number-$i; done
    printf x > "tree/$(printf 'bad\377name')"; printf y > "tree/$(printf 'new\nline')"
    : > tree/emptyfile; head -c 4096 /dev/urandom > tree/oneblock
    touch -d '2019-01-02 03:04:05' tree/big/numbers; touch -d @1600000000 tree
    """#

  /// How to make an image of the directory `tree`, and what the writer does not preserve.
  static let writers: [(command: String, ignored: String)] =
    ["gzip", "lzo", "lz4", "xz", "zstd", "lzma"].flatMap { codec in
      [
        ("mksquashfs tree i.squash -comp \(codec)", ""),
        ("gensquashfs -q -D tree -x -k -c \(codec) i.squash", "links,mtime"),
        ("tar --xattrs --xattrs-include='*' -cC tree . | tar2sqfs -q -c \(codec) i.squash", ""),
      ]
    }
    + [
      "-no-fragments", "-always-use-fragments", "-no-duplicates", "-no-exports",
      "-noI -noD -noF -noX", "-b 4096", "-b 1M", "-no-sparse", "-noId", "-tailends",
      "-comp xz -Xbcj x86,arm", "-comp xz -Xdict-size 50%", "-comp lz4 -Xhc",
      "-comp zstd -Xcompression-level 3", "-comp lzo -Xalgorithm lzo1x_1",
      "-comp gzip -Xwindow-size 10 -Xstrategy huffman_only",
    ].map { ("mksquashfs tree i.squash \($0)", "") }

  @Test(arguments: 0..<writers.count) func isReadRight(number: Int) throws {
    let (command, ignored) = Self.writers[number]
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", Self.source], in: folder.root)
    try Tool.check(
      ["sh", "-c", command + (command.hasPrefix("mksq") ? " -quiet -no-progress" : "")],
      in: folder.root)

    // No kernel mounts lzma; all others are intact.
    let verified = try Tool.autosquash("verify", "i.squash", in: folder.root)
    if command.contains("lzma") {
      #expect(
        verified.status == 1 && verified.text.contains("WILL NOT MOUNT"), "\(verified.summary)")
    } else {
      #expect(verified.status == 0, "\(command): \(verified.summary)")
      #expect(verified.text.split(separator: "\n").count == 1, "\(verified.summary)")
    }

    // Our extraction equals the tree, according to a tool that knows nothing about images.
    let extracted = try Tool.autosquash("extract", "i.squash", "-C", "out", in: folder.root)
    #expect(extracted.status == 0, "\(extracted.summary)")
    let isLossy = !ignored.isEmpty
    let normalize: (inout Snapshot.Entry) -> Void = {
      if isLossy {
        $0.links = 0
        $0.linkGroup = []
      }
    }
    var expected = try Snapshot(of: folder.path("tree")).mapping(normalize)
    var found = try Snapshot(of: folder.path("out")).mapping(normalize)
    if isLossy {
      // gensquashfs does not preserve the top directory's time.
      expected.entries[[]]?.mtime = 0
      found.entries[[]]?.mtime = 0
    }
    #expect(found.differences(from: expected) == [], "\(command)")

    // The other readers: the comparison, and a single file.
    var arguments = ["diff", "i.squash", "tree"]
    if isLossy { arguments += ["--ignore", ignored] }
    let compared = try Tool.run([Tool.autosquash] + arguments, in: folder.root)
    #expect(compared.status == 0, "\(command): \(compared.summary)")
    let printed = try Tool.autosquash("cat", "i.squash", "/big/holes", "a/link", in: folder.root)
    #expect(try printed.output == folder.read("tree/big/holes") + folder.read("tree/big/numbers"))
  }

  /// An image inside another file: an AppImage is a program with an image behind it.
  @Test func imagesWithinOtherFilesAreFound() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir tree && echo hello > tree/file && mksquashfs tree i.squash -quiet -no-progress && "
          + "(head -c 123457 /bin/bash; printf hsqs; cat i.squash) > app",
      ], in: folder.root)
    for offset in ["auto", "123461"] {
      let result = try Tool.autosquash("cat", "app", "file", "--offset", offset, in: folder.root)
      #expect(result.text == "hello\n", "\(result.summary)")
    }
    let verified = try Tool.autosquash("verify", "app", "--offset", "auto", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    let plain = try Tool.autosquash("ls", "app", in: folder.root)
    #expect(plain.status == 2 && plain.errors.contains("--offset auto"), "\(plain.summary)")
  }

  /// Bytes that look like an image by chance before it: an AppImage's runtime reads images itself.
  @Test(arguments: [
    "head -c 96 i.squash; head -c 5000 /dev/urandom",
    "head -c 2000 i.squash; head -c 70000 /dev/zero",
    "for i in $(seq 1 50); do head -c 96 i.squash; echo; done",
    "cat i.squash | tr '\\000' x | head -c 3000; printf 'hsqs shsq sqsh'",
    "(printf sqsh; tail -c +5 i.squash | head -c 1000)",
  ])
  func chanceMatchesArePassedOver(before: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir tree && echo hello > tree/file && mksquashfs tree i.squash -quiet -no-progress && "
          + "(head -c 5003 /bin/sh; \(before); cat i.squash) > app; head -c 3000 app > none",
      ], in: folder.root)
    let result = try Tool.autosquash("cat", "app", "file", "--offset", "auto", in: folder.root)
    #expect(result.text == "hello\n", "\(result.summary)")
    let verified = try Tool.autosquash("verify", "app", "--offset", "auto", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    let none = try Tool.autosquash("ls", "none", "--offset", "auto", in: folder.root)
    #expect(none.errors == "autosquash: none: this file contains no SquashFS image\n")
  }

  /// A file full of image starts, and a truncated one: work is bounded, the reason true.
  @Test func theSearchEnds() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir tree && seq 9999 > tree/file && mksquashfs tree i.squash -quiet -no-progress && "
          + "head -c 96 i.squash > start && (for i in $(seq 1 1024); do cat start; done) > k && "
          + "(for i in $(seq 1 64); do cat k; done) > many && (echo text; head -c 5000 i.squash) > cut",
      ], in: folder.root)
    // 124 would be the limit for programs that hang.
    let many = try Tool.measure(
      [Tool.autosquash, "ls", "many", "--offset", "auto"], in: folder.root
    ).result
    #expect(many.status == 1, "\(many.summary)")
    let cut = try Tool.autosquash("ls", "cut", "--offset", "auto", in: folder.root)
    #expect(cut.status == 1 && cut.errors.contains("short; fetch it again"), "\(cut.summary)")
  }

  /// Firmware: the magic number, the version in its byte order, and the message.
  @Test(arguments: [
    ("sqsh", "\\000\\004\\000\\000", "a big-endian SquashFS 4.0 image, which", "sasquatch"),
    ("sqsh", "\\000\\003\\000\\001", "a big-endian SquashFS 3.1 image, which", "unsquashfs"),
    ("sqsh", "\\000\\002\\000\\001", "a big-endian SquashFS 2.1 image, which", "unsquashfs"),
    ("hsqs", "\\003\\000\\001\\000", "a SquashFS 3.1 image, which", "unsquashfs"),
    ("hsqs", "\\001\\000\\000\\000", "a SquashFS 1.0 image, which", "unsquashfs"),
    (
      "shsq", "\\004\\000\\000\\000", "a SquashFS 4.0 image with the mark of a vendor (shsq)",
      "sasquatch"
    ),
    (
      "qshs", "\\000\\003\\000\\000", "a big-endian SquashFS 3.0 image with the mark of a vendor",
      "sasquatch"
    ),
    ("tqsh", "\\000\\003\\000\\000", "with the mark of a vendor (tqsh)", "sasquatch"),
    ("hsqt", "\\003\\000\\000\\000", "with the mark of a vendor (hsqt)", "sasquatch"),
    ("tqsh", "\\004\\000\\000\\000", "a big-endian SquashFS 4.0 image", "sasquatch"),
  ])
  func firmwareIsToldForWhatItIs(mark: String, version: String, name: String, tool: String) throws {
    let folder = try TemporaryFolder()
    // Fields have the version's byte order, as far as anybody reads them.
    let isBig = version.hasPrefix("\\000")
    let log = isBig ? "\\000\\021" : "\\021\\000"
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir tree; echo hello > tree/file; mksquashfs tree i.squash -quiet -no-progress
        poke() { printf "$2" | dd of=fw bs=1 seek=$1 conv=notrunc status=none; }
        cp i.squash fw; poke 0 \(mark); poke 28 '\(version)'; poke 22 '\(log)'; poke 34 '\(log)'
        (echo boot loader; cat fw) > blob
        """,
      ], in: folder.root)
    for command in [
      ["ls", "fw"], ["cat", "fw", "file"], ["info", "fw"], ["extract", "fw", "-C", "o"],
      ["manifest", "fw"], ["diff", "fw", "tree"], ["diff", "tree", "fw"],
      ["extract", "fw", "--to-tar", "o.tar"], ["verify", "fw"], ["info", "--cost", "fw"],
      ["extract", "fw", "--keep-going", "-C", "o"],
    ] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      let said = result.text + result.errors
      #expect(result.status == (command[0] == "verify" ? 1 : 2), "\(command): \(result.summary)")
      #expect(said.contains(name), "\(command): \(said)")
      #expect(
        said.contains("neither Linux nor this program reads; \(tool) may unpack it"), "\(said)")
      #expect(!said.contains("--offset auto") && !said.contains("DAMAGED"), "\(said)")
    }
    #expect(!folder.exists("o.tar") && !folder.exists("o"))
    // Inside a file, only what passes every check is reported.
    let blob = try Tool.autosquash("ls", "blob", "--offset", "auto", in: folder.root)
    let isOrderRight = isBig == ["sqsh", "qshs", "tqsh"].contains(mark)
    #expect(blob.status == 2, "\(blob.summary)")
    #expect(blob.errors.contains(isOrderRight ? name : "this file contains no SquashFS image"))
    // Linux and squashfs-tools agree.
    #expect(try Tool.run(["mount", "-o", "loop,ro", "fw", "tree"], in: folder.root).status != 0)
  }

  @Test func whatIsNoImageIsSaidSo() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "text",
      Array("just text, but more of it than a superblock has, to be sure of that, and on".utf8)
        + [UInt8](repeating: 7, count: 100))
    try folder.write("empty", [])
    try folder.write("short", Array("hsqs".utf8))
    for name in ["text", "empty", "short"] {
      for command in ["verify", "ls", "info", "extract"] {
        let result = try Tool.autosquash(command, name, in: folder.root)
        #expect(
          result.status == (command == "verify" ? 1 : 2), "\(command) \(name): \(result.summary)")
        #expect((result.text + result.errors).contains("not a SquashFS image"), "\(result.summary)")
        if command == "verify" { #expect(result.text.contains(": NOT AN IMAGE: 1 error, ")) }
      }
    }
    for name in ["nowhere", "."] {
      let result = try Tool.autosquash("verify", name, in: folder.root)
      #expect(result.status == 2, "\(result.summary)")
    }
  }
}
