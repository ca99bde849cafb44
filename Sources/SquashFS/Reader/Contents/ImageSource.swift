import Posix
import SquashFSFormat
package import TreeModel

/// Delivers an image's contents as a source of entries.
package final class ImageSource {
  private let image: Image
  private let threads: Int

  package init(_ image: Image, threads: Int) {
    self.image = image
    self.threads = threads
  }

  /// The number of bytes of files delivered so far.
  package private(set) var bytesRead: UInt64 = 0
  /// Called for each part of a file delivered.
  package var onProgress: () -> Void = {}

  /// Delivers all entries, each directory before its contents.
  ///
  /// - Throws: `ImageReadError`, and what `sink` throws.
  package func read(into sink: any EntrySink) throws {
    image.readMetadataAhead()
    let root = try image.root()
    var walk = try TreeWalk(image, from: root)
    var links: [UInt64: [UInt8]] = [:]
    var targets = PathBudget()
    var isRootDone = false
    let stream = try ContentStream<TreeEntry>(image, threads: threads) { [image] in
      if !isRootDone {
        isRootDone = true
        return (try image.entry(of: root, path: [UInt8(ascii: ".")]), nil)
      }
      while let node = try walk.next() {
        if try sink.leavesOut(node.path) {
          walk.skipChildren()
          continue
        }
        var entry = try image.entry(of: node.inode, path: node.path)
        guard node.inode.record.type != .directory, node.inode.record.links > 1 else {
          return (entry, node.inode)
        }
        if let first = links[node.inode.reference.rawValue] {
          guard targets.take(first.count) else {
            throw ImageReadError(.damaged, "the tree has too many hard links with long paths")
          }
          entry.kind = .hardLink(target: first, hasContent: false)
          return (entry, nil)
        }
        links[node.inode.reference.rawValue] = node.path
        return (entry, node.inode)
      }
      return nil
    }
    while let entry = try stream.nextFile() {
      try sink.add(entry) { content in
        while let part = try stream.nextPart() {
          switch part {
          case .bytes(let bytes):
            try content.append(bytes)
            bytesRead += UInt64(bytes.count)
          case .hole(let count):
            try content.addHole(count)
            bytesRead += count
          case .lost(_, let error):
            throw ImageReadError(
              error.code, at: error.offset, "\(entry.path.escapedName): \(error.message)")
          }
          onProgress()
        }
      }
    }
    try image.input.checkUnchanged()
  }
}

extension Image {
  /// An inode as an entry.
  package func entry(of inode: ImageInode, path: [UInt8]) throws(ImageReadError) -> TreeEntry {
    var entry = try entryWithoutMetadata(of: inode, path: path)
    entry.attributes = try attributes(of: inode)
    entry.xattrs = try extendedAttributes(of: inode)
    return entry
  }

  /// An inode as an entry with meaningless owner and mode, and without extended attributes.
  package func entryWithoutMetadata(
    of inode: ImageInode, path: [UInt8]
  ) throws(ImageReadError) -> TreeEntry {
    let kind: TreeEntry.Kind
    switch (inode.record.type, inode.record.body) {
    case (.symlink, _): kind = .symlink(target: try target(of: inode))
    case (_, .file(let file)): kind = .regular(size: file.size)
    case (.blockDevice, .device(let number)): kind = .blockDevice(DeviceNumber(stored: number))
    case (.characterDevice, .device(let number)):
      kind = .characterDevice(DeviceNumber(stored: number))
    case (.fifo, _): kind = .fifo
    case (.socket, _): kind = .socket
    default: kind = .directory
    }
    return TreeEntry(
      path: path, kind: kind,
      attributes: Attributes(permissions: 0, uid: 0, gid: 0, modified: 0))
  }
}

extension DeviceNumber {
  /// A number as stored in inodes.
  package init(stored: UInt32) {
    let (major, minor) = EncodedDevice.decode(stored)
    self.init(major: major, minor: minor)
  }
}
