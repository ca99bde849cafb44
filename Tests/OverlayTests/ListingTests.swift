import Overlay
import Posix
import TestSupport
import Testing

/// The listing of an overlay in this process, so that the compiler's checks cover its threads.
@Suite struct ListingTests {
  @Test func listsWhatFindFinds() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir over; cd over
        for i in $(seq 40); do
          mkdir -p "d$i/e/f g" "d$i/empty"
          echo a > "d$i/one"; echo b > "d$i/e/f g/two"; ln -s nowhere "d$i/e/link"
        done
        echo c > "$(printf 'b\\303\\050\\nad')"; mkfifo d7/pipe
        """,
      ], in: folder.root)
    let listing = try OverlayListing(HostPath(folder.path("over")))
    for same in [listing, OverlayListing(listing.root, encoded: listing.encoded)] {
      var files: [RelativePath] = []
      for directory in same.directories {
        #expect(directory.files == directory.files.sorted())
        files += directory.files.map { directory.path.appending($0) }
      }
      let found = try Tool.check(
        ["find", ".", "(", "-type", "f", "-o", "-type", "l", ")", "-printf", "%P\\0"],
        in: folder.path("over"))
      let expected = found.output.split(separator: 0).map { RelativePath($0)! }
      #expect(Set(files) == Set(expected))
      #expect(files.count == 121 && same.fileCount == 121)
      #expect(expected.allSatisfy { same.hasFile($0) })
      #expect(same.others == ["d7/pipe"])
    }
  }

  /// Half a listing would look as if the rest had been removed.
  @Test func whatCannotBeListedIsAnError() throws {
    let folder = try TemporaryFolder()
    var deep = folder.path("over")
    for _ in 0..<210 { deep += "/d" }
    try Tool.check(["mkdir", "-p", deep])
    let error = #expect(throws: (any Error).self) {
      try OverlayListing(HostPath(folder.path("over")))
    }
    #expect("\(try #require(error))".contains("so many levels"))
    #expect(throws: (any Error).self) {
      try OverlayListing(HostPath(folder.path("not-there")))
    }
  }
}
