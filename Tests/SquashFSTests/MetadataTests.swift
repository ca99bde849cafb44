import Posix
import SquashFS
import SquashFSFormat
import TestSupport
import Testing
import TreeModel

/// The tables of inodes, directories and attributes, whose blocks refer to each other's places.
@Suite struct MetadataTests {
  private let folder = try! TemporaryFolder()

  /// Directories inside directories, a listing of many blocks, hard links from afar, attributes
  /// stored once, and a hole whose list fills blocks with zeros.
  private func addEntries(to writer: ImageWriter) throws -> Tree {
    var random = SeededGenerator(5)
    var tree = Tree(root: Self.attributes(0))
    var number = 0
    var directories = [tree.root]
    var files: [Tree.InodeID] = []
    func content(_ fill: (any ContentSink) throws -> Void) throws -> ContentID {
      try writer.content.begin(size: nil)
      try fill(writer.content)
      return try writer.content.end()
    }
    func add(_ inode: Tree.InodeID, in parent: Tree.NodeID) -> Tree.NodeID {
      number += 1
      let name = "\(number)" + String(repeating: "n", count: Int.random(in: 0...30, using: &random))
      return Array(name.utf8).withUnsafeBytes { tree.addNode($0, in: parent, inode: inode) }
    }
    for _ in 0..<600 {
      let inode = tree.addInode(
        Tree.Inode(attributes: Self.attributes(number), kind: .directory))
      directories.append(add(inode, in: directories.randomElement(using: &random)!))
    }
    for file in 0..<6000 {
      let parent = file < 3000 ? directories[1] : directories.randomElement(using: &random)!
      if file % 17 == 16 {
        let inode = files.randomElement(using: &random)!
        tree[inode].links += 1
        _ = add(inode, in: parent)
        continue
      }
      let id = try content { sink in
        if file % 2 == 0 { try Array("\(file)".utf8).withUnsafeBytes { try sink.append($0) } }
        if file == 3001 { try sink.addHole(100 << 20) }
      }
      var xattrs: Tree.XattrSetID?
      if file % 3 == 0 {
        let value = [UInt8](repeating: UInt8(file % 50), count: 9 + file % 300)
        xattrs = tree.xattrSet([
          ExtendedAttribute(name: Array("user.value".utf8), value: value),
          ExtendedAttribute(name: Array("user.number".utf8), value: Array("\(file)".utf8)),
        ])
      }
      let inode = tree.addInode(
        Tree.Inode(attributes: Self.attributes(file), kind: .regular(id), xattrs: xattrs))
      files.append(inode)
      _ = add(inode, in: parent)
    }
    return tree
  }

  private static func attributes(_ number: Int) -> Attributes {
    Attributes(
      permissions: number % 2 == 0 ? 0o755 : 0o700, uid: UInt32(number % 5), gid: 0,
      modified: Int64(number % 1000))
  }

  private func write(
    _ name: String, _ compression: Compression, threads: Int, isExportable: Bool,
    _ layout: ImageWriter.Layout, blockSize: Int
  ) throws {
    var options = ImageWriter.Options()
    options.compression = compression
    options.blockSize = BlockSize(byteCount: blockSize)!
    options.threads = threads
    options.exportable = isExportable
    options.layout = layout
    let file = try AtomicFile(path: HostPath(folder.path(name)), replacing: true)
    let writer = try ImageWriter(file, options: options)
    _ = try writer.finish(addEntries(to: writer), modified: 0)
    try file.publish()
  }

  @Test(
    arguments: [
      (Compression(.xz, level: 0)!, false, ImageWriter.Layout.standard, 131_072),
      (Compression(.zstd, level: 1)!, true, .front, 4096),
      (Compression(.none)!, true, .front, 65_536),
      (Compression(.lz4)!, true, .standard, 1_048_576),
    ])
  func doNotDependOnThreads(
    _ compression: Compression, isExportable: Bool, layout: ImageWriter.Layout, blockSize: Int
  ) throws {
    for threads in [1, 2, 4] {
      try write(
        "\(threads)", compression, threads: threads, isExportable: isExportable, layout,
        blockSize: blockSize)
    }
    let image = try folder.read("1")
    #expect(try folder.read("2") == image)
    #expect(try folder.read("4") == image)
    let report = try verify(folder.path("1"))
    #expect(report.findings.isEmpty, "\(report.text)")
    let listed = try Tool.run(["unsquashfs", "-lls", folder.path("1")])
    #expect(listed.status == 0, "\(listed.summary)")
    #expect(listed.output.split(separator: UInt8(ascii: "\n")).count >= 6601)
  }
}
