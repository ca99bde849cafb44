import SquashFS
import TestSupport
import Testing

/// What programs do with the library, checked by squashfs-tools.
@Suite struct LibraryTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var path: String { folder.path("i.squash") }

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func whatIsAddedIsInTheImage() throws {
    var options = ImageBuilder.Options()
    options.blockSize = 4096
    options.threads = 2
    var builder = try ImageBuilder(path: path, options: options)
    let large = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }
    let pieces = stride(from: 0, to: large.count, by: 700).lazy.map {
      Array(large[$0..<min($0 + 700, large.count)])
    }
    try builder.addFile("a/b/large", pieces: pieces, FileMetadata(permissions: 0o600, owner: 7))
    try builder.addFile("a/small", contents: bytes("hello"))
    try builder.addFile("empty", contents: [])
    try builder.addFile("zeros", contents: [UInt8](repeating: 0, count: 20_000))
    try builder.addHardLink("a/other", to: "a/small")
    try builder.addSymbolicLink("link", to: "a/small")
    try builder.addDirectory("a", FileMetadata(permissions: 0o2755, group: 9))
    try builder.addSpecialFile("pipe", .fifo)
    try builder.addSpecialFile("null", .characterDevice(major: 1, minor: 3))
    try builder.setExtendedAttribute("user.note", to: bytes("x"), of: "a/small")
    #expect(!folder.exists("i.squash"))
    let summary = try builder.finish(modified: 5)
    #expect(summary.inodeCount == 10)
    #expect(try summary.byteCount == UInt64(folder.read("i.squash").count))

    let listing = try Tool.check(["unsquashfs", "-lln", "-d", "", path]).text
      .split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
    func line(_ path: String) -> String? {
      listing.first { $0.contains(Substring(path)) }.map { "\($0[0]) \($0[1])" }
    }
    #expect(line("/a") == "drwxr-sr-x 0/9")
    #expect(line("/a/b/large") == "-rw------- 7/0")
    #expect(line("/pipe") == "prw-r--r-- 0/0")
    #expect(line("/null") == "crw-r--r-- 0/0")
    try Tool.check(["unsquashfs", "-n", "-d", folder.path("out"), path])
    #expect(try folder.read("out/a/b/large") == large)
    #expect(try folder.read("out/a/other") == bytes("hello"))
    #expect(try folder.read("out/empty") == [])

    let image = try Image(path: path)
    #expect(image.blockSize == 4096 && image.inodeCount == 10 && image.compressorName == "xz")
    #expect(image.modified == 5)
    #expect(try image.contents(of: "a/b/large") == large)
    #expect(try image.contents(of: "zeros") == [UInt8](repeating: 0, count: 20_000))
    #expect(try image.contents(of: "link") == bytes("hello"))
    let small = try #require(try image.entry(at: "/a/other"))
    #expect(small.extendedAttributes == [bytes("user.note"): bytes("x")])
    #expect(try image.entry(at: "a/small")?.inodeNumber == small.inodeNumber)
    #expect(try image.entry(at: "link")?.kind == .symbolicLink(target: bytes("a/small")))
    #expect(try image.entry(at: "null")?.kind == .characterDevice(major: 1, minor: 3))
    #expect(try image.entry(at: "a/nothing") == nil)
    #expect(try image.entries(in: "a").map(\.path) == ["a/b", "a/other", "a/small"])
    #expect(try Verifier.verify(path: path).isWhole)
  }

  @Test func anImageInMemoryIsWalkedThrough() throws {
    try Tool.check(
      [
        "sh", "-c",
        "mkdir -p t/a/b t/c; echo 1 >t/a/b/f; echo 2 >t/c/g; mksquashfs t i.squash -quiet",
      ],
      in: folder.root)
    let image = try Image(bytes: folder.read("i.squash"))
    var walk = try image.walk()
    var found: [String] = []
    while let entry = try walk.next() {
      found.append("\(entry.path)")
      if entry.path.name == bytes("c") { walk.skipChildren() }
    }
    #expect(found == ["a", "a/b", "a/b/f", "c"])
    #expect(try image.contents(of: "c/g") == bytes("2\n"))
  }

  @Test func errorsSayWhatIsWrong() throws {
    func expect(
      _ code: ImageReadError.Code, _ text: String, _ body: () throws -> Void
    ) {
      let error = #expect(throws: ImageReadError.self) { try body() }
      #expect(error?.code == code && error?.description == text, "\(String(describing: error))")
    }
    var builder = try ImageBuilder(path: path)
    try builder.addFile("d/f", contents: bytes("12345"))
    _ = try builder.finish()
    let image = try Image(path: path)
    expect(.notFound, "d: the image has no regular file of this path") {
      _ = try image.contents(of: "d")
    }
    expect(.notFound, "d/f: the image has no directory of this path") {
      _ = try image.walk(from: "d/f")
    }
    expect(.unsupported, "d/f: 5 bytes, more than the limit of 4") {
      _ = try image.contents(of: "d/f", limit: 4)
    }
    expect(.notAnImage, "the file is empty, not a SquashFS image (at byte 0)") {
      _ = try Image(bytes: [])
    }
    expect(.unreadable, "cannot open: No such file or directory") {
      _ = try Image(path: folder.path("none"))
    }
  }

  @Test func whatCannotBeAddedIsRefused() throws {
    try folder.write("there", [])
    func expect(
      _ code: ImageWriteError.Code, _ text: String, _ body: () throws -> Void
    ) {
      let error = #expect(throws: ImageWriteError.self) { try body() }
      #expect(error?.code == code, "\(text): \(String(describing: error))")
      #expect(error?.message.contains(text) == true, "\(String(describing: error))")
    }
    expect(.unwritable, "/there: cannot create: File exists") {
      _ = try ImageBuilder(path: folder.path("there"))
    }
    expect(.invalidOption, "4,096") {
      var options = ImageBuilder.Options()
      options.blockSize = 5000
      _ = try ImageBuilder(path: path, options: options)
    }
    var builder = try ImageBuilder(path: path)
    try builder.addFile("d/f", contents: [])
    let long = ImagePath(String(repeating: "n", count: 256))
    for wrong in ["", "/x", "x/", "a//b", "../x", ".", "a\0b", long] as [ImagePath] {
      expect(.invalidPath, "is not a valid path") { try builder.addDirectory(wrong) }
    }
    expect(.exists, "d/f") { try builder.addFile("d/f", contents: []) }
    expect(.exists, "d/f") { try builder.addFile("d/f/g", contents: []) }
    expect(.notFound, "d/g") { try builder.addHardLink("x", to: "d/g") }
    expect(.notFound, "d: a directory") { try builder.addHardLink("x", to: "d") }
    expect(.invalidPath, "4,096 bytes") {
      try builder.addSymbolicLink("x", to: ImagePath(String(repeating: "n", count: 4096)))
    }
    expect(.tooLarge, "system.note") {
      try builder.setExtendedAttribute("system.note", to: [], of: "d/f")
    }
    try builder.addDirectory("d")
    expect(.exists, "d") { try builder.addDirectory("d") }
  }

  /// The file appears with the last call.
  @Test func anImageThatIsNotFinishedLeavesNothing() throws {
    do {
      var builder = try ImageBuilder(path: path)
      try builder.addFile("f", contents: bytes("x"))
    }
    #expect(folder.names == [])
  }
}
