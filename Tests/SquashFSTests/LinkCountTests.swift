import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Inodes whose names are counted in several passes, like those of large images.
@Suite struct LinkCountTests {
  typealias Entry = CraftedImage.Entry

  /// Some inodes are right; each of the others is wrong in what its names say about it.
  private func image() -> [UInt8] {
    var image = CraftedImage()
    let right = image.addFifo(2)
    let twice = image.addFifo(3)
    _ = image.addFifo(4)
    let link = image.addLink(5, to: "right")
    let moved = image.addFifo(6)
    let deep = image.addFifo(7)
    let directory = image.addDirectory(
      8,
      [
        Entry(name: "deep", inode: deep, number: 7, type: 6),
        Entry(name: "twice", inode: twice, number: 3, type: 6),
      ])
    // It claims the root as its parent.
    let lower = image.addDirectory(9, [Entry(name: "right", inode: right, number: 2, type: 6)])
    let upper = image.addDirectory(10, [Entry(name: "lower", inode: lower, number: 9, type: 1)])
    let root = image.addDirectory(
      1,
      [
        Entry(name: "directory", inode: directory, number: 8, type: 1),
        Entry(name: "link", inode: link, number: 5, type: 6),
        Entry(name: "moved", inode: moved + 4, number: 6, type: 6),
        Entry(name: "twice", inode: twice, number: 3, type: 6),
        Entry(name: "upper", inode: upper, number: 10, type: 1),
      ])
    return image.build(root: root)
  }

  private func findings(_ path: String, inodesPerPass: UInt32) throws -> [String] {
    var options = Verifier.Options()
    options.isQuick = true
    options.inodesPerPass = inodesPerPass
    let report = try Verifier(ImageInput(path: Array(path.utf8)), options: options).run()
    return report.text.split(separator: "\n").map(String.init).sorted()
  }

  @Test(arguments: [1, 2, 3, 4, 7, 9, 10] as [UInt32])
  func allPassesFindTheSame(inodesPerPass: UInt32) throws {
    let folder = try TemporaryFolder()
    try folder.write("i.squash", image())
    let path = folder.path("i.squash")
    let whole = try findings(path, inodesPerPass: InodeWindow.size)
    for message in [
      "no name leads to inode 4, a fifo", "says it has 1 name, but it has 2",
      "is a fifo in its directory, and a symbolic link in the inode table",
      "leads to a place without inode 6", "says that its parent is inode 1, but it is 10",
    ] {
      #expect(whole.contains { $0.contains(message) }, "\(message): \(whole)")
    }
    #expect(try findings(path, inodesPerPass: inodesPerPass) == whole)
  }

  /// The meaning of such a number is unknown: one error says all there is to say.
  @Test func aDirectoryOfAMissingNumberIsNotEntered() throws {
    var image = CraftedImage()
    let directory = image.addDirectory(2, [])
    let root = image.addDirectory(
      1,
      [
        Entry(name: "a", inode: directory, number: 2, type: 1),
        Entry(name: "b", inode: directory, number: 3, type: 1),
      ])
    image.inodeCount = 3
    let folder = try TemporaryFolder()
    try folder.write("i.squash", image.build(root: root))
    let found = try findings(folder.path("i.squash"), inodesPerPass: InodeWindow.size)
    #expect(found.contains { $0.contains("b leads to inode 3, which is not in the inode table") })
    #expect(!found.contains { $0.contains("cycle") }, "\(found)")
  }

  @Test func windowsHaveAllNumbersOnce() {
    #expect(InodeWindow.windows(1, of: 3) == [1..<2])
    #expect(InodeWindow.windows(3, of: 3) == [1..<4])
    #expect(InodeWindow.windows(7, of: 3) == [1..<4, 4..<7, 7..<8])
    #expect(InodeWindow.windows(67_108_864, of: InodeWindow.size).last == 66_750_001..<67_108_865)
  }
}
