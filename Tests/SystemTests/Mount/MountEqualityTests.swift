import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Whatever the kernel's own mount of an image shows, ours shows too.
  @Suite(.serialized) struct MountEqualityTests {
    @Test(arguments: [
      ["--compression", "zstd"], ["--compression", "xz", "--block-size", "1M"],
      ["--compression", "gzip", "--block-size", "4K"], ["--compression", "lz4"],
      ["--compression", "none", "--layout", "front"],
      ["--xattrs", "none", "--compression", "zstd"],
    ])
    func everyEntry(options: [String]) throws {
      let image = try MountSample.shared().image(options)
      let own = try OwnMount(image)
      let result = try withMount(of: image) { try compare("walk", $0, own.path) }
      #expect(result.status == 0, "\(result.summary)")
    }

    @Test func manyReadersAtRandomPlaces() throws {
      let image = try MountSample.shared().image()
      let own = try OwnMount(image)
      let result = try withMount(of: image) { try compare("read", $0, own.path, "300") }
      #expect(result.status == 0, "\(result.summary)")
    }

    /// The block size decides where holes can be; the end of a file is one.
    @Test func holesAreFound() throws {
      let own = try OwnMount(try MountSample.shared().image())
      let sparse = open("\(own.path)/plain/sparse", O_RDONLY)
      try #require(sparse >= 0)
      defer { close(sparse) }
      #expect(lseek(sparse, 0, SEEK_DATA) == 2_490_368)
      #expect(lseek(sparse, 2_490_368, SEEK_HOLE) == 2_621_440)
      #expect(lseek(sparse, 2_621_440, SEEK_DATA) == -1)
      #expect(errno == ENXIO)
      #expect(lseek(sparse, 3_000_000, SEEK_HOLE) == 3_000_000)
      let plain = open("\(own.path)/plain/random300000", O_RDONLY)
      try #require(plain >= 0)
      defer { close(plain) }
      #expect(lseek(plain, 5, SEEK_HOLE) == 300_000)
      #expect(lseek(plain, 299_999, SEEK_DATA) == 299_999)
    }

    @Test func tableOfMountsNamesTheImage() throws {
      let image = try MountSample.shared().image()
      let own = try OwnMount(image, ["-o", "noexec"])
      let words = (own.line ?? "").split(separator: " ")
      #expect(words.count > 3)
      #expect(words.first.map(String.init) == image)
      #expect(words[2] == "fuse.autosquash")
      #expect(
        Set(words[3].split(separator: ",")).isSuperset(of: ["ro", "nosuid", "nodev", "noexec"]))
    }
  }
}
