import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// The writing of an image's files as a tar archive.
struct TarJob {
  let image: Image
  let output: [UInt8]
  let command: Extract

  private struct Item {
    var entry: TreeEntry
    var size: UInt64
    var data: [Range<UInt64>]?
  }

  /// - Returns: the exit status.
  func run(_ filter: inout PathFilter) throws -> Int32 {
    try ResultFile.refuse(output, inPlaceOf: command.image.image.bytes)
    let start = Process.now
    var file = try ResultFile(output, replacing: command.force)
    if file.isStandardOutput && isatty(STDOUT_FILENO) == 1 {
      throw SourceError(
        .refused, path: file.path, "an archive is nothing for a terminal",
        hint: "redirect it, or name a file")
    }
    let writer = try TarWriter(descriptor: file.descriptor, path: file.path)
    let names = Names(filter)
    let content = try makeStream(names)
    var progress: ProgressBar?
    var bytes: UInt64 = 0
    var count = 0
    if command.messages.progress.isShown && !command.messages.quiet {
      progress = ProgressBar(title: output.escapedName) { .init(bytes: bytes, fraction: nil) }
    }
    let xattrs = XattrFilter(try command.xattrs.policy())
    while !Interruption.isRequested, var item = try content.nextFile() {
      item.entry.xattrs = xattrs.wanted(item.entry.xattrs)
      if !item.entry.path.elementsEqual("./".utf8) { count += 1 }
      try writer.add(item.entry, size: item.size, data: item.data)
      while !Interruption.isRequested, let part = try content.nextPart() {
        switch part {
        case .bytes(let piece):
          try writer.write(piece)
          bytes += UInt64(piece.count)
        case .hole(let count): try writer.write(zeros: count)
        case .lost(_, let error): throw error.about(item.entry.path)
        }
        progress?.tick()
      }
    }
    try image.input.checkUnchanged()
    ProgressBar.clearLine()
    if Interruption.isRequested { return ExitStatus.failed }
    filter = names.filter
    if names.sockets > 0 && !command.messages.quiet {
      Messages.write(
        output,
        "warning: \(names.sockets) \(names.sockets == 1 ? "socket is" : "sockets are") left out, which tar cannot hold"
      )
    }
    if writer.changedAttributes > 0 && !command.messages.quiet {
      Messages.write(
        output,
        "warning: \(writer.changedAttributes.counted("extended attribute")) with an odd name: "
          + "its bytes but plain ASCII are written as %FF")
    }
    if let warning = xattrs.warning, !command.messages.quiet {
      Messages.write(output, "warning: \(warning)")
    }
    for path in filter.missing {
      Messages.write(command.image.image.bytes, try PathPattern.failure(path, in: image))
    }
    // What was named is not in the image: nothing is left behind.
    if count == 0 && !filter.missing.isEmpty { return ExitStatus.failed }
    try writer.finish()
    try file.finish()
    if command.messages.json && !file.isStandardOutput {
      var result = StandardOutput()
      try result.write(
        JSON.object([
          ("image", .name(command.image.image.bytes)), ("archive", .name(output)),
          ("bytes", .integer(bytes)), ("missing", .integer(Int64(filter.missing.count))),
        ]).text + "\n")
      try result.flush()
    } else if !command.messages.quiet {
      let files = count == 1 ? "1 file or directory" : "\(count.grouped) files and directories"
      Messages.write(
        file.path, "\(files), \(bytes.asBytes), \((Process.now - start).asDuration)")
    }
    return filter.missing.isEmpty ? 0 : ExitStatus.failed
  }

  /// Keeps what the stream's producer changes.
  private final class Names {
    var filter: PathFilter
    var links: [UInt64: [UInt8]] = [:]
    /// By level, whether everything below is wanted.
    var inside: [Bool] = []
    /// Sockets, which tar has no place for.
    var sockets = 0
    init(_ filter: PathFilter) { self.filter = filter }
  }

  private func makeStream(_ names: Names) throws -> ContentStream<Item> {
    let root = try image.root()
    var walk = try TreeWalk(image, from: root)
    names.inside = [names.filter.answer([], isInside: false) == .inside]
    var isRootDone = !names.inside[0]
    let image = image
    return try ContentStream<Item>(
      image, threads: Process.threadCount(command.threads)
    ) {
      if !isRootDone {
        isRootDone = true
        return (Item(entry: try image.entry(of: root, path: Array("./".utf8)), size: 0), nil)
      }
      while let node = try walk.next() {
        names.inside.removeSubrange(walk.depth...)
        let isDirectory = node.inode.record.type == .directory
        let answer = names.filter.answer(node.path, isInside: names.inside[walk.depth - 1])
        if isDirectory {
          names.inside.append(answer == .inside)
          if answer == .outside { walk.skipChildren() }
        }
        guard answer == .inside else { continue }
        if node.inode.record.type == .socket {
          names.sockets += 1
          continue
        }
        return try Self.item(node, image, names)
      }
      return nil
    }
  }

  private static func item(
    _ node: TreeWalk.Node, _ image: Image, _ names: Names
  ) throws -> (Item, ImageInode?) {
    // With "./" before them, names cannot be taken for options, nor for a single top directory.
    let path = Array("./".utf8) + node.path
    var entry = try image.entry(of: node.inode, path: path)
    guard case .file(let file) = node.inode.record.body else {
      if let first = link(node, path, names) {
        entry.kind = .hardLink(target: first, hasContent: false)
      }
      return (Item(entry: entry, size: 0), nil)
    }
    if let first = link(node, path, names) {
      entry.kind = .hardLink(target: first, hasContent: false)
      return (Item(entry: entry, size: 0), nil)
    }
    let data = file.sparse > 0 ? try dataRanges(of: node.inode, image) : nil
    return (Item(entry: entry, size: file.size, data: data), node.inode)
  }

  /// The first name of the same file, if this is another one.
  private static func link(
    _ node: TreeWalk.Node, _ path: [UInt8], _ names: Names
  ) -> [UInt8]? {
    guard node.inode.record.type != .directory, node.inode.record.links > 1 else { return nil }
    if let first = names.links[node.inode.reference.rawValue] { return first }
    names.links[node.inode.reference.rawValue] = path
    return nil
  }

  /// As many as a list is kept of; what comes after goes as data.
  private static let mostRanges = 1 << 16

  /// Where a sparse file has no holes.
  private static func dataRanges(
    of inode: ImageInode, _ image: Image
  ) throws -> [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    var blocks = try image.blocks(of: inode)
    while true {
      let start = blocks.offset
      guard let part = try blocks.next() else { return ranges }
      if case .hole = part { continue }
      if let last = ranges.last, last.upperBound == start {
        ranges[ranges.count - 1] = last.lowerBound..<blocks.offset
      } else if ranges.count == Self.mostRanges {
        guard case .file(let file) = inode.record.body else { return ranges }
        return ranges + [start..<file.size]
      } else {
        ranges.append(start..<blocks.offset)
      }
    }
  }
}
