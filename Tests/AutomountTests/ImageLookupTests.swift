import Glibc
import Posix
import SquashFSFormat
import TestSupport
import Testing

@testable import Automount

/// The map's answers for the files in a folder.
@Suite struct ImageLookupTests {
  let folder: TemporaryFolder
  var configuration = Configuration()

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", "images", "source"], in: folder.root)
    try folder.write("source/file", Array("content".utf8))
    try Tool.check(
      ["mksquashfs", "source", "images/whole.squash", "-quiet", "-no-progress", "-comp", "xz"],
      in: folder.root)
    configuration.images = .folder(HostPath(folder.path("images")))
    configuration.mountRoot = HostPath(folder.path("mnt"))
    configuration.fileSystem = .squashfs
  }

  private func answer(_ name: String, level: String = "") throws -> String {
    let query = MapQuery(
      configuration: configuration, images: HostPath(folder.path("images")),
      program: "/usr/libexec/map",
      links: SafeLinks(folder: HostPath(folder.path("links"))))
    let entry = try query.answer(
      MapKey(Array(name.utf8)), at: MapLevel(path: RelativePath(level.utf8)!))
    return String(decoding: entry.bytes, as: UTF8.self)
  }

  private func refusal(_ name: String, level: String = "") -> MapRefusal? {
    do {
      let entry = try answer(name, level: level)
      return MapRefusal(.machine, [], "answered: \(entry)")
    } catch {
      return error as? MapRefusal
    }
  }

  private func entry(_ path: String) -> String {
    "-fstype=squashfs,loop,ro,nosuid,nodev \":\(folder.path("images"))/\(path)\""
  }

  @Test func namesAreFoundInTheirOrder() throws {
    #expect(try answer("whole") == entry("whole.squash"))
    #expect(try answer("whole.squash") == entry("whole.squash"))
    for other in ["whole.img", "second.sqfs", "second.img", "second.img.squash"] {
      try Tool.check(["cp", "images/whole.squash", "images/\(other)"], in: folder.root)
    }
    #expect(try answer("whole") == entry("whole.squash"))
    #expect(try answer("whole.img") == entry("whole.img"))
    #expect(try answer("second") == entry("second.sqfs"))
    #expect(try answer("second.img") == entry("second.img"))
    #expect(refusal("third")?.description == "third: no such image in \(folder.path("images"))")
    #expect(refusal("third", level: "a/b")?.code == .noSuchImage)
  }

  @Test func foldersAreLevels() throws {
    var copy = self
    try Tool.check(["mkdir", "-p", "images/course1/week1", "images/both"], in: folder.root)
    for path in ["course1/week1/data.squash", "both.squash", "both/inner.squash"] {
      try Tool.check(["cp", "images/whole.squash", "images/\(path)"], in: folder.root)
    }
    #expect(try answer("course1") == "-fstype=autofs program:/usr/libexec/map")
    #expect(try answer("week1", level: "course1") == "-fstype=autofs program:/usr/libexec/map")
    #expect(try answer("data", level: "course1/week1") == entry("course1/week1/data.squash"))
    // An image wins over a folder of the same name.
    #expect(try answer("both") == entry("both.squash"))
    #expect(try answer("inner", level: "both") == entry("both/inner.squash"))
    // A folder named like an image is not one.
    try Tool.check(["mkdir", "-p", "images/odd.squash"], in: folder.root)
    #expect(try answer("odd.squash") == "-fstype=autofs program:/usr/libexec/map")
    #expect(refusal("odd")?.code == .noSuchImage)
    copy.configuration.folders = false
    #expect(copy.refusal("course1")?.code == .noSuchImage)
  }

  @Test func nothingOutsideTheFolderIsNamed() throws {
    try Tool.check(
      [
        "sh", "-c",
        """
        cp images/whole.squash outside.squash
        mkdir elsewhere; cp images/whole.squash elsewhere/x.squash
        ln -s ../outside.squash images/relative.squash
        ln -s $PWD/outside.squash images/absolute.squash
        ln -s ../elsewhere images/folder
        ln -s whole.squash images/inside.squash
        ln -s nowhere images/dangling.squash
        ln -s loop.squash images/loop.squash
        ln -s /proc/self/exe images/magic.squash
        """,
      ], in: folder.root)
    #expect(refusal("relative")?.code == .outside)
    #expect(refusal("absolute")?.code == .outside)
    #expect(refusal("magic")?.code == .outside)
    #expect(refusal("folder")?.code == .outside)
    #expect(refusal("x", level: "folder")?.code == .outside)
    #expect(refusal("loop")?.code == .outside)
    #expect(refusal("dangling")?.code == .noSuchImage)
    #expect(try answer("inside") == entry("inside.squash"))
  }

  @Test func namesThatCannotBeQuotedGoThroughLinks() throws {
    let names = ["a\"b", "new\nline"]
    for name in names {
      try Tool.check(["cp", "images/whole.squash", "images/\(name).squash"], in: folder.root)
      let line = try answer(name)
      let prefix = "-fstype=squashfs,loop,ro,nosuid,nodev \":"
      #expect(line.hasPrefix(prefix + folder.path("links/")))
      let link = String(line.dropFirst(prefix.count).dropLast())
      #expect(
        try Tool.check(["readlink", link]).text == folder.path("images/\(name).squash") + "\n")
    }
  }

  /// Each case: a change to an intact image of 4096 bytes, and the map's answer.
  @Test(arguments: [
    (": > i", "the file is empty; upload it again"),
    ("head -c 50 whole > i", "only 50 bytes, too short for an image; upload it again"),
    ("head -c 96 whole > i", "bytes short; upload it again"),
    ("head -c $(($(stat -c %s whole) - 4000)) whole > i", "bytes short; upload it again"),
    ("head -c $((used - 1)) whole > i", "the file is 1 byte short; upload it again"),
    ("head -c $used whole > i", "its end is not padded to 1024 bytes"),
    ("head -c 9000 /dev/zero > i", "its writer did not finish; pack and upload it again"),
    ("seq 9999 > i", "not a SquashFS image"),
    (
      "(printf sqsh; tail -c +5 whole) > i",
      "it is a big-endian SquashFS 4.0 image, which Linux does not mount"
    ),
    ("(printf shsq; tail -c +5 whole) > i", "with the mark of a vendor (shsq), which Linux does"),
    ("poke 28 '\\005'", "SquashFS version 5.0, but the kernel reads only 4.0; pack it again"),
    ("poke 20 '\\011'", "the kernel does not know compressor number 9"),
    ("poke 20 '\\002'", "no kernel mounts images with lzma; pack it again with xz"),
    ("poke 12 '\\001'", "a block size of 131073 bytes; the image is damaged"),
    ("mkfifo i", "not a regular file"),
  ])
  func whatWouldNotMountIsNotAnswered(damage: String, expected: String) throws {
    try Tool.check(
      [
        "sh", "-c",
        """
        cp images/whole.squash whole
        used=$(od -An -tu8 -j40 -N8 whole | tr -d ' ')
        poke() { cp whole i; printf "$2" | dd of=i bs=1 seek=$1 conv=notrunc status=none; }
        \(damage)
        mv i images/i.squash
        """,
      ], in: folder.root)
    let refusal = refusal("i")
    #expect(refusal?.code == .unmountable)
    #expect(
      refusal?.description.hasPrefix("i: \(folder.path("images/i.squash")) will not mount: ")
        == true, "\(refusal?.description ?? "")")
    #expect(refusal?.text.contains(expected) == true, "\(refusal?.description ?? "")")
  }

  @Test func theRemedyForMissingPaddingHelps() throws {
    try Tool.check(
      ["sh", "-c", "truncate -s $(od -An -tu8 -j40 -N8 whole.squash) whole.squash"],
      in: folder.path("images"))
    let text = try #require(refusal("whole")?.text)
    let size = try #require(
      text.split(separator: "truncate -s ").last?.split(separator: " ").first)
    try Tool.check(["truncate", "-s", String(size), "whole.squash"], in: folder.path("images"))
    #expect(try answer("whole") == entry("whole.squash"))
  }

  @Test func theKernelIsAsked() {
    let all: Set<CompressorID> = [.gzip, .xz]
    let kernel = KernelSupport(
      parsing: Array(
        """
        # x
        CONFIG_SQUASHFS=m
        CONFIG_SQUASHFS_ZLIB=y
        CONFIG_SQUASHFS_XZ=y
        # CONFIG_SQUASHFS_ZSTD is not set
        CONFIG_SQUASHFS_LZ4=n
        XCONFIG_SQUASHFS_LZO=y

        """.utf8))
    #expect(kernel == KernelSupport(hasSquashFS: true, compressors: all, filters: []))
    #expect(
      KernelSupport(parsing: Array("# nothing\nCONFIG_SQUASHFS_XZ=y\n".utf8)).hasSquashFS == false)
    func problem(_ compressor: CompressorID, _ kernel: KernelSupport, byKernel: Bool = true)
      -> String?
    {
      let superblock = Superblock(
        inodeCount: 1, modified: 0, blockSize: .standard, fragmentCount: 0, compressor: compressor,
        flags: [], idCount: 1, rootInode: MetadataReference(rawValue: 0), bytesUsed: 4096,
        idTable: 0, xattrTable: 0, inodeTable: 0, directoryTable: 0, fragmentTable: 0,
        exportTable: 0)
      return ImageCheck(kernel: kernel, mountsByKernel: byKernel).problem(superblock, size: 4096)
    }
    #expect(problem(.xz, kernel) == nil)
    #expect(problem(.zstd, kernel)?.contains("CONFIG_SQUASHFS_ZSTD") == true)
    // If the kernel does not say, mount(8) will.
    #expect(problem(.zstd, KernelSupport()) == nil)
    #expect(problem(.zstd, KernelSupport(hasSquashFS: false))?.contains("no squashfs") == true)
    #expect(problem(.lzma, KernelSupport()) != nil)
    #expect(problem(.lzma, KernelSupport(hasSquashFS: false), byKernel: false) == nil)
  }

  /// A filter for machine code that the kernel was built without.
  @Test func theKernelIsAskedForFilters() throws {
    let configuration = """
      # x
      CONFIG_SQUASHFS=y
      CONFIG_SQUASHFS_XZ=y
      CONFIG_XZ_DEC=y
      # CONFIG_XZ_DEC_X86 is not set
      CONFIG_XZ_DEC_ARM=y
      CONFIG_XZ_DEC_ARMTHUMB=y

      """
    let kernel = KernelSupport(parsing: Array(configuration.utf8))
    #expect(kernel.filters == [CodeFilters(.arm), CodeFilters(.armthumb)])
    var start = try [UInt8](
      Tool.check(
        [
          "sh", "-ec",
          """
          mkdir -p tree; head -c 400000 /bin/bash > tree/program
          \(Tool.autosquash) pack tree -q -f -o image.squash; cat image.squash
          """,
        ], in: folder.root
      ).output)
    func problem(_ kernel: KernelSupport, byKernel: Bool = true) throws -> String? {
      try folder.write("checked", start)
      let file = open(folder.path("checked"), O_RDONLY)
      defer { close(file) }
      return try ImageCheck(kernel: kernel, mountsByKernel: byKernel).facts(of: file)?.problem
    }
    // As if the program were another processor's.
    start[102] = 1
    let text =
      "this machine's kernel cannot read xz blocks with the filter x86 (CONFIG_XZ_DEC_X86);"
      + " pack it again with --bcj none"
    #expect(try problem(kernel) == text)
    #expect(try problem(KernelSupport()) == nil)
    #expect(try problem(kernel, byKernel: false) == nil)
    start[102] = 1 | 8  // what mksquashfs has tried
    #expect(try problem(kernel) == nil)
    start[102] = 8
    #expect(try problem(kernel) == nil)
  }

  @Test func aFolderThatIsNotThereIsTold() throws {
    try Tool.check(["mv", "images", "away"], in: folder.root)
    #expect(
      refusal("whole")?.description
        == "whole: cannot read \(folder.path("images")): No such file or directory;"
        + " is the bucket mounted?")
  }
}
