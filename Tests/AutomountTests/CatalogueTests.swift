import Posix
import SquashFSFormat
import TestSupport
import Testing

@testable import Automount

/// The images of a folder, and the lists that autofs reads.
@Suite struct CatalogueTests {
  let folder: TemporaryFolder
  var configuration = Configuration()
  let check = ImageCheck(kernel: KernelSupport(), mountsByKernel: true)

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        """
        mkdir -p source images/.git images/course1/week1 images/empty images/both out
        mksquashfs source images/a.squash -quiet -no-progress
        cd images
        for name in a.sqfs b.img b.img.squash course1/x.squash course1/week1/y.squash \\
          both.squash both/hidden.squash .h.squash .git/x.squash ../out/z.squash; do cp a.squash $name; done
        echo text > c.squash; echo text > notes.txt; : > .squash
        ln -s ../out loop; ln -s ../out/z.squash out.squash; ln -s a.squash alias.squash
        """,
      ], in: folder.root)
    configuration.images = .folder(HostPath(folder.path("images")))
    configuration.fileSystem = .squashfs
  }

  private var images: HostPath { HostPath(folder.path("images")) }

  private func names(_ catalogue: Catalogue) -> [String] {
    catalogue.images.map { String(decoding: $0.name.bytes, as: UTF8.self) }
  }

  /// The keys of a bucket get the names that the same files in a folder would have.
  @Test func keysOfABucketHaveTheSameNames() throws {
    let files = try Tool.run(
      ["find", "images", "-not", "-type", "d", "-printf", "%P\\n"], in: folder.root
    )
    .text.split(separator: "\n").map { RelativePath($0.utf8)! }
    let fromFolder = try Catalogue.collect(images, configuration, check: check)
    let fromBucket = Catalogue.images(among: files, configuration)
    #expect(
      fromBucket.map { [$0.name, $0.file] }
        == fromFolder.images.map { [$0.name, $0.file] }.sorted { $0[0] < $1[0] })
    var flat = configuration
    flat.folders = false
    #expect(!Catalogue.images(among: files, flat).contains { $0.name.names.count > 1 })
  }

  @Test func aListAnswersForItsImages() throws {
    var bucket = configuration
    bucket.images = .bucket(try #require(BucketFolder(Array("s3://bucket/images".utf8))))
    bucket.fileSystem = .automatic
    let files = ["a b.squash", "course1/x.squash"].map { RelativePath($0.utf8)! }
    let maps = FileMaps(
      Catalogue(images: Catalogue.images(among: files, bucket)), configuration: bucket,
      folder: "/state/maps", program: "/map", check: check, asksAgain: true)
    try Tool.check(["mkdir", "maps"], in: folder.root)
    let path = HostPath(folder.path("maps"))
    try maps.write(to: Folder(at: path))
    func entry(_ key: String, _ level: String = "") throws -> String? {
      FileMaps.entry(
        of: try MapKey(Array(key.utf8)), at: MapLevel(path: RelativePath(level.utf8)!), in: path
      ).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    let start = "-fstype=autosquash,ro,nosuid,nodev \":autosquash:s3://bucket/images/"
    #expect(try entry("a b") == start + "a b.squash\"")
    #expect(try entry("x", "course1") == start + "course1/x.squash\"")
    // Folders and unknown names are for the main program.
    for other in ["course1", "a", "x"] { #expect(try entry(other) == nil) }
  }

  @Test func everyImageHasTheNameThatFindsIt() throws {
    let catalogue = try Catalogue.collect(images, configuration, check: check)
    #expect(
      names(catalogue)
        == [
          ".squash", "a", "a.sqfs", "alias", "b", "b.img.squash", "both", "c", "out", "course1/x",
          "course1/week1/y",
        ].sorted { left, right in
          // A folder's own images before those of its subfolders.
          let depth = (left.split(separator: "/").count, right.split(separator: "/").count)
          return depth.0 == depth.1 ? left < right : depth.0 < depth.1
        }.filter { $0 != ".squash" })
    let query = MapQuery(configuration: configuration, images: images, program: "/map")
    for image in catalogue.images where image.problem == nil {
      let key = try MapKey(image.name.name!.bytes)
      let entry = try query.answer(key, at: MapLevel(path: image.name.parent))
      #expect(
        entry
          == MapEntry(
            mounting: images.appending(image.file), type: .loop,
            options: configuration.options))
    }
    let problems = catalogue.images.compactMap { image in
      image.problem.map { "\(image.name.escapedName): \($0)" }
    }
    #expect(
      problems == [
        "c: only 5 bytes, too short for an image; upload it again",
        "out: a link that leads out of the folder",
      ])
    var flat = self
    flat.configuration.folders = false
    #expect(
      try !names(Catalogue.collect(flat.images, flat.configuration, check: check)).contains(
        "course1/x"))
  }

  @Test func listsAreReadAgain() throws {
    let catalogue = try Catalogue.collect(images, configuration, check: check)
    let target = folder.path("maps")
    try Tool.check(["mkdir", target])
    let lists = try Folder(at: HostPath(target))
    let maps = FileMaps(
      catalogue, configuration: configuration, folder: HostPath(target),
      program: "/map", check: check, asksAgain: false)
    #expect(maps.differ(from: lists))
    try maps.write(to: lists)
    #expect(!maps.differ(from: lists))
    #expect(FileMaps.folders(in: lists) == maps.folders)
    #expect(maps.folders == ["course1", "course1/week1"])
    let known = FileMaps.known(in: lists, configuration, check: check)
    #expect(known.count == catalogue.images.count { $0.problem == nil })
    // Known images are not opened again: one that can no longer be opened shows it.
    for entry in known { #expect(catalogue.images.contains(entry)) }
    try Tool.check(
      [
        "sh", "-c",
        "touch -r a.squash ref; printf x | dd of=a.squash conv=notrunc status=none; touch -r ref a.squash",
      ],
      in: folder.path("images"))
    func problem(_ known: [Catalogue.Entry]) throws -> String? {
      try Catalogue.collect(images, configuration, check: check, known: known).images
        .first { $0.name == "a" }?.problem
    }
    #expect(try problem(known) == nil)
    #expect(try problem([]) == "not a SquashFS image")
    try Tool.check(["touch", "a.squash"], in: folder.path("images"))
    #expect(try problem(known) == "not a SquashFS image")
    // Lists of nothing still ask the program, and keep the folders that are in use.
    let none = FileMaps(
      nil, configuration: configuration, folder: HostPath(target), program: "/map",
      check: check, asksAgain: false, mounted: ["course1"])
    try none.write(to: lists)
    #expect(folder.names(in: "maps").count == 2)
    let top = String(decoding: try folder.read("maps/top"), as: UTF8.self)
    #expect(top.hasSuffix("\n+program:/map\n") && !top.contains("\""))
    // With other settings, or another kernel, everything must be checked again.
    try maps.write(to: lists)
    let other = ImageCheck(kernel: KernelSupport(compressors: [.gzip]), mountsByKernel: true)
    #expect(FileMaps.known(in: lists, configuration, check: other) == [])
    // Others' files stay.
    try folder.write("maps/folder-photos.txt", [])
    try folder.write("maps/folder-61", Array("mine".utf8))
    try maps.write(to: lists)
    #expect(try FileMaps.remove(from: lists))
    #expect(try !FileMaps.remove(from: lists))
    #expect(folder.names(in: "maps") == ["folder-61", "folder-photos.txt"])
  }

  @Test func foldersThatCannotBeListedAreTold() throws {
    let long = String(repeating: "x", count: 240)
    // Deeper than a path can be, so step by step.
    try Tool.check(
      [
        "python3", "-c",
        """
        import os
        os.chdir("images/course1")
        for _ in range(20): os.mkdir("\(long)"); os.chdir("\(long)")
        """,
      ], in: folder.root)
    let catalogue = try Catalogue.collect(images, configuration, check: check)
    #expect(names(catalogue).contains("course1/x"))
    #expect(catalogue.unreadable.count == 1)
    #expect(catalogue.unreadable.first?.text.contains("File name too long") == true)
    try Tool.check(["rm", "-rf", folder.path("images/course1/\(long)")])
  }

  @Test func foldersInUseAreNotNamedYet() throws {
    let catalogue = try Catalogue.collect(images, configuration, check: check)
    let maps = FileMaps(
      catalogue, configuration: configuration, folder: "/maps",
      program: "/map", check: check, asksAgain: true, mounted: ["course1"],
      deferred: ["course1"])
    let text = String(decoding: maps.files["top"]!, as: UTF8.self)
    #expect(!text.contains("\"course1\""))
    #expect(maps.files["folder-636f7572736531"] != nil)
  }

  @Test func mountsAreRead() {
    let table = MountTable(
      parsing: Array(
        """
        22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        30 22 0:40 / /mnt/s3fs rw,nosuid shared:7 master:2 - fuse.s3fs s3fs rw,user_id=0,allow_other
        31 22 0:41 / /mnt/my\\040images\\011\\134 rw - autofs /a\\040map rw,fd=6,pgrp=77,timeout=5
        32 22 7:0 / /mnt/x ro - squashfs /dev/loop0 ro
        damaged line
        33 22 0:42 / /mnt/y ro -

        """.utf8))
    #expect(table.mounts.count == 4)
    #expect(table.mounts[2].point == "/mnt/my images\t\\")
    #expect(table.mounts[2].source == Array("/a map".utf8))
    #expect(table.mounts[2].options == ["rw", "rw", "fd=6", "pgrp=77", "timeout=5"])
    #expect(table.mount(holding: "/mnt/s3fs/autosquash")?.type == "fuse.s3fs")
    #expect(table.mount(holding: "/mnt/s3fsx")?.type == "ext4")
    #expect(table.mount(at: "/mnt/x")?.isImage == true)
    #expect(MountTable.none.mount(holding: "/x") == nil)
  }
}
