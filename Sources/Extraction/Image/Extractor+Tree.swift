import Posix
import SquashFS
import SquashFSFormat
import TreeModel

/// The walk through the image's tree.
extension Extractor {
  /// A directory on the way, created when something in it is.
  private struct Level {
    var node: TreeWalk.Node?
    var isInside: Bool
    var output: OutputDirectory?
    var hasFailed = false
  }

  private var isStopped: Bool { state.isStopped || Interruption.isRequested }

  func walk(
    from root: ImageInode, _ top: OutputDirectory, _ filter: inout PathFilter,
    _ progress: (UInt64) -> Void
  ) throws {
    image.readMetadataAhead()
    var levels = [
      Level(node: nil, isInside: filter.answer([], isInside: false) == .inside, output: top)
    ]
    let links = HardLinker(top: top)
    var firstNames: [UInt64: MadeFile] = [:]
    var walk = try TreeWalk(image, from: root)
    while !isStopped {
      let node: TreeWalk.Node?
      do throws(ImageReadError) {
        node = try walk.next()
      } catch {
        try lose(walk.path, error)
        continue
      }
      guard let node else { break }
      levels.removeSubrange(walk.depth...)
      let answer = filter.answer(node.path, isInside: levels[levels.count - 1].isInside)
      let isDirectory = node.inode.record.type == .directory
      guard answer == .inside || (answer == .above && isDirectory) else {
        if isDirectory { walk.skipChildren() }
        continue
      }
      do {
        if isDirectory {
          levels.append(Level(node: node, isInside: answer == .inside))
          if answer == .inside, try materialize(&levels) == nil {
            walk.skipChildren()
            filter.giveUp(below: node.path)
          }
        } else if let parent = try materialize(&levels) {
          try extract(node, in: parent, links, &firstNames)
        }
      } catch let error as ImageReadError {
        if isDirectory {
          walk.skipChildren()
          filter.giveUp(below: node.path)
        }
        try lose(node.path, error)
      }
      progress(state.bytes)
    }
    submitSmallFiles()
    levels.removeAll()
    pool?.drain()
    if !isStopped { links.run(copy: copy) }
  }

  /// Makes the directories on the way.
  ///
  /// - Returns: the last of them; `nil` if one could not be made, which has been reported.
  private func materialize(_ levels: inout [Level]) throws(ImageReadError) -> OutputDirectory? {
    for index in levels.indices where levels[index].output == nil {
      guard !levels[index].hasFailed, let node = levels[index].node,
        let parent = levels[index - 1].output
      else { return nil }
      let (attributes, xattrs) = try metadata(of: node.inode, node.path)
      levels[index].output = parent.makeDirectory(Array(node.name), attributes, xattrs)
      if levels[index].output == nil {
        levels[index].hasFailed = true
        return nil
      }
    }
    return levels[levels.count - 1].output
  }

  /// Owner, mode, time and extended attributes; in a damaged image, whatever is readable.
  func metadata(
    of inode: ImageInode, _ path: [UInt8]
  ) throws(ImageReadError) -> (Attributes, [ExtendedAttribute]) {
    var attributes = Attributes(
      permissions: inode.record.permissions & 0o777, uid: 0, gid: 0,
      modified: Int64(inode.record.modified))
    var xattrs: [ExtendedAttribute] = []
    do throws(ImageReadError) {
      attributes = try image.attributes(of: inode)
      xattrs = xattrFilter.wanted(try image.extendedAttributes(of: inode))
    } catch {
      guard options.keepsGoing else { throw error }
      state.countLost(path, "lost: its owner or extended attributes: \(error)")
    }
    return (attributes, xattrs)
  }

  private func extract(
    _ node: TreeWalk.Node, in parent: OutputDirectory, _ links: HardLinker,
    _ firstNames: inout [UInt64: MadeFile]
  ) throws {
    let name = Array(node.name)
    if try !context.keepsSame && batch(node, name, in: parent) { return }
    let entry = try entry(of: node.inode, node.path)
    guard parent.mayMake(entry.kind) else { return }
    var made: MadeFile?
    if node.inode.record.links > 1 {
      if let first = firstNames[node.inode.reference.rawValue] {
        links.add(HardLinker.Name(name, in: parent), to: first)
        return
      }
      made = MadeFile(wanted: node.path, source: node.inode.reference.rawValue)
      firstNames[node.inode.reference.rawValue] = made
    }
    if context.keepsSame {
      if parent.keeps(name, entry, made) { return }
      if try batch(node, name, in: parent) { return }
    }
    try make(name, node.inode, entry, in: parent, made)
  }

  private func entry(of inode: ImageInode, _ path: [UInt8]) throws(ImageReadError) -> TreeEntry {
    let (attributes, xattrs) = try metadata(of: inode, path)
    var entry = try image.entryWithoutMetadata(of: inode, path: path)
    (entry.attributes, entry.xattrs) = (attributes, xattrs)
    return entry
  }

  private func make(
    _ name: [UInt8], _ inode: ImageInode, _ entry: TreeEntry, in parent: OutputDirectory,
    _ made: MadeFile?
  ) throws {
    if case .file(let file) = inode.record.body {
      try submit(inode, file, entry, name, in: parent, made)
    } else {
      parent.makeSpecial(name, entry.kind, entry.attributes, entry.xattrs, made)
    }
  }

  /// Unpacks a file with several names again where a hard link to it is impossible.
  private func copy(
    _ file: MadeFile, as name: [UInt8], in directory: OutputDirectory
  ) -> MadeFile {
    let copy = MadeFile(wanted: directory.path(of: name), source: file.source)
    do {
      let inode = try image.inode(at: MetadataReference(rawValue: file.source))
      try make(name, inode, try entry(of: inode, copy.wanted), in: directory, copy)
    } catch { state.stop(error) }
    pool?.drain()
    return copy
  }

  private func lose(_ path: [UInt8], _ error: ImageReadError) throws {
    guard options.keepsGoing else { throw error.about(path) }
    state.countLost(path, "\(error)")
  }
}

extension ImageReadError {
  /// The same error, with the path in the image.
  func about(_ path: [UInt8]) -> ImageReadError {
    ImageReadError(code, at: offset, "\(path.isEmpty ? "/" : path.escapedName): \(message)")
  }
}
