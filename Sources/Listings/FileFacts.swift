import FileTrees
package import Inputs
import Posix
package import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// The facts about one file.
package enum FileFacts {
  /// Reads its inode, and the location of its data.
  package static func collect(_ match: PathPattern.Match, in image: Image) throws -> Facts {
    let inode = match.inode
    let attributes = try image.attributes(of: inode)
    var facts = Facts()
    facts.add("path", match.path.escapedName, "path", .name(match.path))
    facts.add(
      "type", inode.record.type.word, "type",
      .string(inode.record.type.word))
    let mode = String(inode.record.permissions, radix: 8).leftPadded(to: 4, with: "0")
    facts.add("mode", mode, "mode", .string(mode))
    facts.add("owner", "\(attributes.uid)", "uid", JSON(attributes.uid))
    facts.add("group", "\(attributes.gid)", "gid", JSON(attributes.gid))
    var time = TimeFormat(isFull: true)
    facts.add(
      "modified", time.text(inode.record.modified), "modified", JSON(attributes.modified))
    facts.add("inode", "inode", inode.record.number)
    facts.add("links", "links", inode.record.links)
    facts.add("inode in block at", "inodeBlock", image.fileOffset(of: inode) - image.input.base)
    switch inode.record.body {
    case .file(let file): try add(file, of: inode, in: image, to: &facts)
    case .symlink:
      let target = try image.target(of: inode)
      let found = try image.lookup(match.path, followsLast: true, isFurther: true)
      let isThere = if case .success = found { true } else { false }
      let note =
        !isThere
        ? "  (leads to nothing in the image)"
        : target.leadsOutOfImages ? "  (leads out of the mounted image)" : ""
      facts.add(
        "target", target.escapedName + note,
        "target", .name(target))
      facts.add(nil, "", "dangling", .boolean(!isThere))
    case .device(let number):
      let device = DeviceNumber(stored: number)
      let text = "\(device.major), \(device.minor)"
      facts.add("device", text, "device", .string("\(device.major),\(device.minor)"))
    case .directory(let directory):
      facts.add("parent inode", "parent", directory.parent)
      facts.add("listing size", "listingBytes", bytes: UInt64(directory.listingSize))
      facts.add("index entries", "indexEntries", directory.indexCount)
    case .ipc: break
    }
    let xattrs = try image.extendedAttributes(of: inode)
    for attribute in xattrs {
      facts.add(
        "attribute", "\(attribute.name.escapedName)=\(attribute.value.prefix(200).escapedName)",
        nil, .boolean(true))
    }
    facts.add(
      nil, "", "attributes",
      .array(
        xattrs.map { ["name": .name($0.name), "value": .name($0.value)] }))
    return facts
  }

  private static func add(
    _ file: InodeRecord.File, of inode: ImageInode, in image: Image, to facts: inout Facts
  ) throws {
    facts.add("size", "size", bytes: file.size)
    var blocks = 0
    var plain = 0
    var stored: UInt64 = 0
    var holes: UInt64 = 0
    var list = try image.blocks(of: inode)
    while let part = try list.next() {
      switch part {
      case .block(let place, _):
        blocks += 1
        plain += place.stored.isCompressed ? 0 : 1
        stored += UInt64(place.stored.byteCount)
      case .hole(let size): holes += UInt64(size)
      case .tail(let fragment, let offset, let size):
        let place = try image.fragment(fragment)
        facts.add(
          "end", "\(size) bytes, \(offset) bytes into fragment \(fragment)", "tailBytes",
          JSON(size))
        facts.add(nil, "", "fragment", JSON(fragment))
        facts.add(nil, "", "fragmentOffset", JSON(offset))
        facts.add(nil, "", "fragmentBytes", JSON(place.stored.byteCount))
        facts.add(
          "fragment",
          "\(place.stored.byteCount.grouped) bytes at \(place.start.grouped)"
            + (place.stored.isCompressed ? "" : ", not compressed"),
          "fragmentStart", JSON(place.start))
      }
    }
    if blocks > 0 {
      facts.add(
        "blocks", blocks.grouped + (plain > 0 ? ", \(plain.grouped) not compressed" : ""), "blocks",
        JSON(blocks))
      facts.add(
        "data", "\(stored.grouped) bytes at \(file.blocksStart.grouped)", "dataStart",
        JSON(file.blocksStart))
      facts.add(nil, "", "dataBytes", JSON(stored))
    }
    if holes > 0 { facts.add("holes", "holeBytes", bytes: holes) }
  }
}
