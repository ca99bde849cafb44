import Glibc
import TestSupport
import Testing

/// Images read by the programs of others.
extension MountedImageTests {
  /// What other programs should read: both layouts, blocks of machine code with and without a
  /// filter, and each compressor.
  private static let images = [
    ["--layout", "standard"], ["--layout", "front"], ["--bcj", "none"], ["--compression", "gzip"],
    ["--compression", "gzip", "--level", "12"], ["--compression", "zstd"],
    ["--compression", "lz4"], ["--compression", "none"],
  ]

  @Test(arguments: images) func unsquashfsUnpacksTheSource(options: [String]) throws {
    let image = try pack(["--ownership", "keep"] + options)
    try Tool.check(["unsquashfs", "-n", "-d", folder.path("out"), image])
    expectSame(try Snapshot(of: folder.path("out")), source)
  }

  @Test(arguments: images) func rdsquashfsUnpacksTheSource(options: [String]) throws {
    let image = try pack(["--ownership", "keep"] + options)
    // -C chown, -O chmod, -T times, -X xattrs, -D devices, -S sockets
    try Tool.check(["rdsquashfs", "-q", "-COTX", "-p", folder.path("out"), "-u", "/", image])
    // It makes no hard links, and does not set the times of links and directories.
    let plain = { (entry: inout Snapshot.Entry) in
      (entry.linkGroup, entry.links) = ([], 0)
      if entry.type != S_IFREG { entry.mtime = 0 }
      if entry.type == S_IFLNK { entry.mode = 0 }
      // It sets the owner last, which drops capabilities.
      entry.xattrs[Array("security.capability".utf8)] = nil
    }
    var found = try Snapshot(of: folder.path("out")).mapping(plain)
    var expected = source.mapping(plain)
    found.entries[[]] = nil
    expected.entries[[]] = nil
    expectSame(found, expected)
  }

  @Test(arguments: images) func squashfuseSeesTheSource(options: [String]) throws {
    let image = try pack(["--ownership", "keep"] + options)
    let found = try withMount(of: image, type: .squashfuse) { try Snapshot(of: $0) }
    // It numbers each name separately and decodes large device numbers differently, and FUSE shows
    // only user.*.
    let comparable = { (entry: inout Snapshot.Entry) in
      (entry.device, entry.linkGroup) = (0, [])
      entry.xattrs = entry.xattrs.filter { $0.key.starts(with: Array("user.".utf8)) }
    }
    expectSame(found.mapping(comparable), source.mapping(comparable))
  }

  /// It knows neither zstd nor lz4, and no image with its tables in front.
  @Test(arguments: [[], ["--bcj", "none"], ["--compression", "gzip"]])
  func sevenZipUnpacksTheFiles(options: [String]) throws {
    let image = try pack(options)
    let result = try Tool.run(["7z", "t", image])
    #expect(result.status == 0, "\(result.summary)")
    for name in ["program", "program-tail", "text300000", "random131073"] {
      let unpacked = try Tool.check(["7z", "e", "-so", image, "plain/\(name)"])
      #expect(try unpacked.output == folder.read("tree/plain/\(name)"), "\(name)")
    }
  }
}
