import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// Images of other writers, of every compressor and many options, read right.
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

  /// How an image is made from the directory `tree`, and what the writer does not keep.
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

    // No kernel mounts lzma; all others are whole.
    let verified = try Tool.autosquash("verify", "i.squash", in: folder.root)
    if command.contains("lzma") {
      #expect(
        verified.status == 1 && verified.text.contains("WILL NOT MOUNT"), "\(verified.summary)")
    } else {
      #expect(verified.status == 0, "\(command): \(verified.summary)")
      #expect(verified.text.split(separator: "\n").count == 1, "\(verified.summary)")
    }

    // Our extraction is the tree, as a tool that knows nothing of images sees it.
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
      // gensquashfs does not keep the top directory's time.
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

  /// An image within another file: an AppImage is a program with an image behind it.
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
