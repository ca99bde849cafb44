import ArgumentParser
import FileTrees
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// `autosquash info`: what an image is, or where a file lies in it.
struct Info: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Describe an image, or a file in it.",
    discussion: """
      Without PATH: how the image was made, what it holds, and where its tables lie. With one: \
      the file's inode, and where its data lies. Positions are in bytes from the image's start.

      With --cost: the requests to the bucket, how many of them wait for another, and the time on \
      the network, of mounting and reading the image; with PATH also of listing that directory or \
      reading that file to its end. What else s3fs asks for, such as the size of the object, is \
      not counted, nor is the time to unpack.
      """)

  @OptionGroup var image: ImageArguments
  @Argument(help: "A file in the image, or a pattern.") var path: ByteArgument?
  @Flag(help: "Print JSON, an object a line.") var json = false
  @OptionGroup(title: "Cost over a bucket") var cost: CostOptions

  func validate() throws { try path?.refuseEmpty("a path") }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    let image = try image.open()
    var matches: [PathPattern.Match] = []
    if let path {
      matches = try PathPattern.find(path.bytes, in: image, followsLast: false)
      guard !matches.isEmpty else {
        Messages.write(subject, try PathPattern.failure(path.bytes, in: image))
        return ExitStatus.failed
      }
    }
    var output = StandardOutput()
    if cost.cost {
      let report = try CostReport(image, matches, cost) {
        Messages.write(subject, "warning: \($0)")
      }
      try output.write(json ? report.json : report.text)
    } else {
      let all =
        path == nil
        ? [try ImageFacts.collect(image)]
        : try matches.map { try FileFacts.collect($0, in: image) }
      for (index, facts) in all.enumerated() {
        if json {
          try output.write(facts.json.text + "\n")
        } else {
          try output.write((index > 0 ? "\n" : "") + facts.text)
        }
      }
    }
    try output.flush()
    return 0
  }
}

/// Named values, for people in lines and for programs in an object.
struct Facts {
  private var rows: [(title: String, text: String, key: String, value: JSON)] = []

  /// - Parameters:
  ///   - title: what people read, `nil` where it is for programs only.
  ///   - key: what programs read, `nil` where it is for people only.
  mutating func add(_ title: String?, _ text: String, _ key: String?, _ value: JSON) {
    rows.append((title ?? "", text, key ?? "", value))
  }

  mutating func add(_ title: String, _ key: String, _ count: some BinaryInteger) {
    add(title, count.grouped, key, JSON(count))
  }

  mutating func add(_ title: String, _ key: String, bytes: UInt64) {
    add(
      title, bytes < 1000 ? bytes.asBytes : "\(bytes.asBytes) (\(bytes.grouped) bytes)", key,
      JSON(bytes))
  }

  var text: String {
    let shown = rows.filter { !$0.title.isEmpty }
    let width = shown.map(\.title.count).max() ?? 0
    return shown.map { row in
      row.title + String(repeating: " ", count: width + 2 - row.title.count) + row.text + "\n"
    }.joined()
  }

  var json: JSON {
    .object(rows.filter { !$0.key.isEmpty }.map { ($0.key, $0.value) })
  }
}

/// What is to be said of a whole image.
private enum ImageFacts {
  static func collect(_ image: Image) throws -> Facts {
    let superblock = image.superblock
    let summary = try ImageSummary(image)
    var facts = Facts()
    facts.add("format", "SquashFS 4.0", "version", .string("4.0"))
    facts.add(
      "compressor", superblock.compressor.name + (image.compressorOptions?.text ?? ""),
      "compressor", .string(superblock.compressor.name))
    // Without options the writer took its defaults.
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
    for (type, word) in [
      (InodeType.file, "files"), (.directory, "directories"), (.symlink, "symlinks"),
      (.blockDevice, "blockDevices"), (.characterDevice, "characterDevices"), (.fifo, "fifos"),
      (.socket, "sockets"),
    ] {
      let count = summary.inodes[type] ?? 0
      let title = word.replacing(/([A-Z])/) { " " + $0.1.lowercased() }
      facts.add(
        count > 0 || type == .file ? "  \(title)" : nil, count.grouped, word,
        JSON(count))
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
    let flags = names(of: superblock.flags)
    facts.add(
      "flags", flags.isEmpty ? "none" : flags.joined(separator: ", "), "flags",
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
      "needs", image.kernelOptions.joined(separator: ", "), "kernelOptions",
      .array(image.kernelOptions.map { .string($0) }))
    return facts
  }

  private static func names(of flags: Superblock.Flags) -> [String] {
    [
      (Superblock.Flags.inodesStored, "inodes stored"), (.dataStored, "data stored"),
      (.check, "check"),
      (.fragmentsStored, "fragments stored"), (.noFragments, "no fragments"),
      (.alwaysFragments, "always fragments"), (.duplicatesShared, "duplicates shared"),
      (.exportable, "exportable"), (.xattrsStored, "xattrs stored"), (.noXattrs, "no xattrs"),
      (.compressorOptions, "compressor options"), (.idsStored, "ids stored"),
    ].filter { flags.contains($0.0) }.map(\.1)
  }
}

/// What is to be said of one file.
private enum FileFacts {
  static func collect(_ match: PathPattern.Match, in image: Image) throws -> Facts {
    let inode = match.inode
    let attributes = try image.attributes(of: inode)
    var facts = Facts()
    facts.add("path", match.path.escapedName, "path", .name(match.path))
    facts.add(
      "type", LongFormat.word(inode.record.type), "type",
      .string(LongFormat.word(inode.record.type)))
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
        : target.leadsOutOfImages ? "  (leads out of the image where that is mounted)" : ""
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
