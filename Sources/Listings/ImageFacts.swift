import Posix
package import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// The facts about a whole image.
package enum ImageFacts {
  /// Reads everything the image says about itself.
  package static func collect(_ image: Image) throws -> Facts {
    let superblock = image.superblock
    let summary = try ImageSummary(image)
    var facts = Facts()
    facts.add("format", "SquashFS 4.0", "version", .string("4.0"))
    facts.add(
      "compressor", superblock.compressor.name + (image.compressorOptions?.text ?? ""),
      "compressor", .string(superblock.compressor.name))
    // Without options the writer used its defaults.
    facts.add(nil, "", "compressorOptions", image.compressorOptions?.json ?? [:])
    facts.add("block size", "blockSize", bytes: UInt64(superblock.blockSize.byteCount))
    var time = TimeFormat(isFull: true)
    facts.add(
      "made", time.text(superblock.modified), "modified", JSON(superblock.modified))
    facts.add("image size", "bytesUsed", bytes: superblock.bytesUsed)
    facts.add("file size", "fileBytes", bytes: image.input.length)
    facts.add("content", "contentBytes", bytes: summary.contentBytes)
    if summary.contentBytes > 0 {
      let ratio = Double(superblock.bytesUsed) / Double(summary.contentBytes)
      facts.add("ratio", "\((ratio * 100).rounded(toDigits: 1)) %", "ratio", .number(ratio))
    }
    facts.add("files and directories", "inodes", superblock.inodeCount)
    for (type, title, key) in [
      (FileType.file, "  files", "files"), (.directory, "  directories", "directories"),
      (.symlink, "  symlinks", "symlinks"), (.blockDevice, "  block devices", "blockDevices"),
      (.characterDevice, "  character devices", "characterDevices"), (.fifo, "  fifos", "fifos"),
      (.socket, "  sockets", "sockets"),
    ] {
      let count = summary.count(of: type)
      facts.add(count > 0 || type == .file ? title : nil, count.grouped, key, JSON(count))
    }
    if summary.extraLinks > 0 { facts.add("hard links", "hardLinks", summary.extraLinks) }
    facts.add("owners and groups", "ids", superblock.idCount)
    facts.add(
      "data blocks",
      summary.blocks.grouped
        + (summary.plainBlocks > 0 ? ", \(summary.plainBlocks.grouped) not compressed" : ""),
      "blocks", JSON(summary.blocks))
    facts.add(nil, "", "plainBlocks", JSON(summary.plainBlocks))
    facts.add(
      "fragments",
      "\(superblock.fragmentCount.grouped) with the ends of \(summary.tails.grouped) files",
      "fragments", JSON(superblock.fragmentCount))
    facts.add(
      "duplicates",
      summary.duplicateFiles == 0
        ? "none" : "\(summary.duplicateFiles.counted("file")), \(summary.duplicateBytes.asBytes)",
      "duplicateFiles", JSON(summary.duplicateFiles))
    facts.add(nil, "", "duplicateBytes", JSON(summary.duplicateBytes))
    if summary.holeBytes > 0 { facts.add("holes", "holeBytes", bytes: summary.holeBytes) }
    if let order = image.orderMark {
      facts.add("ordered data", "orderedBytes", bytes: UInt64(order.data.count))
    }
    let flags = names(of: superblock.flags)
    facts.add(
      "flags", flags.isEmpty ? "none" : list(flags), "flags",
      .array(flags.map { .string($0) }))
    for (title, key, position) in [
      ("inode table at", "inodeTable", superblock.inodeTable),
      ("directory table at", "directoryTable", superblock.directoryTable),
      ("fragment table at", "fragmentTable", superblock.fragmentTable),
      ("export table at", "exportTable", superblock.exportTable),
      ("id table at", "idTable", superblock.idTable),
      ("xattr table at", "xattrTable", superblock.xattrTable),
    ] where position != Superblock.noTable {
      facts.add(title, key, position)
    }
    facts.add(
      "needs", list(image.kernelOptions), "kernelOptions",
      .array(image.kernelOptions.map { .string($0) }))
    return facts
  }

  /// The words with commas between them. `joined` would look for its protocols at run time, which
  /// takes longer than to read a small image.
  private static func list(_ words: [String]) -> String {
    var text = ""
    for word in words { text += text.isEmpty ? word : ", \(word)" }
    return text
  }

  private static func names(of flags: Superblock.Flags) -> [String] {
    [
      (Superblock.Flags.inodesUncompressed, "inodes stored"), (.dataUncompressed, "data stored"),
      (.check, "check"),
      (.fragmentsUncompressed, "fragments stored"), (.noFragments, "no fragments"),
      (.alwaysFragments, "always fragments"), (.duplicatesShared, "duplicates shared"),
      (.exportable, "exportable"), (.xattrsUncompressed, "xattrs stored"), (.noXattrs, "no xattrs"),
      (.compressorOptions, "compressor options"), (.idsUncompressed, "ids stored"),
    ].filter { flags.contains($0.0) }.map(\.1)
  }
}
