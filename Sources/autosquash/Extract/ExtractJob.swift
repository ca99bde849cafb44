import FileTrees
import Glibc
import Posix
import SquashFS
import SquashFSFormat
import Synchronization
import Terminal
import TreeModel

/// The unpacking of an image into a directory.
///
/// This thread reads the metadata and makes directories, links and devices; others read, unpack
/// and write files, large ones in pieces.
final class ExtractJob {
  let image: Image
  let target: [UInt8]
  let command: Extract
  let context: ExtractionContext
  let state: SharedState
  private let fragments: FragmentCache
  let start = Process.now
  private var pool: TaskPool<FileWriter>?
  private var progress: ProgressBar?
  let xattrFilter: XattrFilter
  /// Whether the directory was removed again, as nothing came into it.
  private(set) var isTakenBack = false

  init(image: Image, target: [UInt8], command: Extract) throws {
    self.image = image
    self.target = target
    self.command = command
    let prefix = target + [UInt8(ascii: "/")]
    context = ExtractionContext(replaces: command.force, keepsSame: command.skipExisting) {
      path, text in
      Messages.write(prefix + path, text)
    }
    state = SharedState(
      context, keepsGoing: command.keepGoing, listsLosses: command.messages.json)
    fragments = FragmentCache(image)
    xattrFilter = XattrFilter(try command.xattrs.policy())
  }

  /// - Returns: the exit status.
  func run(_ filter: inout PathFilter) throws -> Int32 {
    var writers: [FileWriter] = []
    for _ in 0..<Process.threadCount(command.threads) {
      writers.append(try FileWriter(image, fragments, state))
    }
    let pool = try TaskPool(contexts: writers, queueLimit: 16 * writers.count)
    self.pool = pool
    if command.messages.progress.isShown && !command.messages.quiet {
      let state = state
      progress = ProgressBar(title: target.escapedName) {
        .init(bytes: state.bytes.load(ordering: .relaxed), fraction: nil)
      }
    }
    for table in image.lostTables {
      let what =
        switch table {
        case "id": "all files belong to root"
        case "fragment": "the ends of files, and all small files, are lost"
        case "xattr": "extended attributes are lost"
        default: "nothing that is extracted is lost"
        }
      state.countLost(
        command.image.image.bytes, "the \(table) table cannot be read: \(what)")
    }
    // Modes are given when files are made.
    umask(0)
    let root = try image.root()
    var status = stat()
    let isNew = target.withCPath { lstat($0, &status) } != 0
    // Gone after the walk, which is when the directory gets its own attributes.
    var top: OutputDirectory? = try OutputDirectory(
      top: target, attributes: try image.attributes(of: root),
      xattrs: xattrFilter.wanted(try image.extendedAttributes(of: root)), context: context)
    do { try walk(from: root, top.take()!, &filter) } catch { state.stop(error) }
    // Directories are finished when nobody has them any more.
    smallFiles = nil
    pool.drain()
    if state.error == nil {
      do { try image.input.checkUnchanged() } catch { state.stop(error) }
    }
    // What was named is not in the image: nothing is left behind.
    if isNew && context.made == 0 && !filter.missing.isEmpty {
      isTakenBack = target.withCPath { rmdir($0) } == 0
    }
    ProgressBar.clearLine()
    if let error = state.error {
      _ = Messages.fail(command.image.image.bytes, full(error))
      return try report(filter, status: ExitStatus.of(error))
    }
    return try report(filter, status: nil)
  }

  /// An error with the whole path, or with what to do.
  private func full(_ error: any Error) -> any Error {
    switch error {
    case var error as SystemError:
      error.path = target + [UInt8(ascii: "/")] + error.path
      return error
    case var error as ImageReadError where error.code == .damaged:
      error.message += "; --keep-going unpacks the rest"
      return error
    default: return error
    }
  }

  // MARK: The tree

  /// A directory on the way, made when something in it is.
  private struct Level {
    var node: TreeWalk.Node?
    var isInside: Bool
    var output: OutputDirectory?
    var hasFailed = false
  }

  private func walk(
    from root: ImageInode, _ top: OutputDirectory, _ filter: inout PathFilter
  ) throws {
    image.readMetadataAhead()
    var levels = [
      Level(node: nil, isInside: filter.answer([], isInside: false) == .inside, output: top)
    ]
    let links = HardLinker(top: top)
    var firstNames: [UInt64: MadeFile] = [:]
    var walk = try TreeWalk(image, from: root)
    while !state.isStopped && !Interruption.isRequested {
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
      progress?.tick()
    }
    submitSmallFiles()
    levels.removeAll()
    pool?.drain()
    if !state.isStopped && !Interruption.isRequested { links.run(copy: copy) }
  }

  /// Makes the directories on the way.
  ///
  /// - Returns: the last of them, `nil` where one could not be made, which was reported.
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

  /// Owner, mode, time and extended attributes; of a damaged image what there is of them.
  private func metadata(
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
      guard command.keepGoing else { throw error }
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

  /// Unpacks a file with several names once more, where a hard link to it cannot be.
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

  // MARK: Files

  /// Small files that wait to be handed to a thread.
  private var smallFiles: SmallFiles?

  /// Takes a file with one name and one part.
  ///
  /// - Returns: whether it was one.
  private func batch(
    _ node: TreeWalk.Node, _ name: [UInt8], in parent: OutputDirectory
  ) throws -> Bool {
    guard case .file(let file) = node.inode.record.body, node.inode.record.links == 1,
      file.size <= UInt64(image.superblock.blockSize.byteCount)
    else { return false }
    var blocks = try image.blocks(of: node.inode)
    var part: FileJob.Part?
    do throws(ImageReadError) {
      switch try blocks.next() {
      case .hole?: return false
      case .block(let place, let size)?: part = .block(place, size: size, at: 0)
      case .tail(let index, let offset, let size)?:
        let fragment = try fragment(index)
        part = .tail(fragment, offset: offset, size: size, at: 0)
      case nil: break
      }
    } catch {
      part = .lost(error, size: file.size, at: 0)
    }
    let (attributes, xattrs) = try metadata(of: node.inode, node.path)
    if smallFiles == nil || smallFiles!.directory !== parent {
      submitSmallFiles()
      smallFiles = SmallFiles(in: parent)
    }
    smallFiles!.add(
      SmallFiles.File(name: name, attributes: attributes, xattrs: xattrs, part: part))
    if smallFiles!.isFull { submitSmallFiles() }
    return true
  }

  /// A fragment block, which a thread is told to unpack when it is met first.
  private func fragment(_ index: UInt32) throws(ImageReadError) -> FragmentCache.Fragment {
    let (fragment, isNew) = try fragments.fragment(index, of: image)
    if isNew { pool?.submit(isUrgent: true) { writer in writer.prepare(fragment) } }
    return fragment
  }

  private func submitSmallFiles() {
    guard let batch = smallFiles else { return }
    smallFiles = nil
    pool?.submit { writer in writer.write(batch) }
  }

  /// Files up to this size are one piece of work, larger ones several.
  private static let pieceSize = 1 << 20

  private func submit(
    _ inode: ImageInode, _ file: InodeRecord.File, _ entry: TreeEntry, _ name: [UInt8],
    in parent: OutputDirectory, _ made: MadeFile?
  ) throws {
    var blocks = try image.blocks(of: inode)
    let job = FileJob(entry, name: name, in: parent, size: file.size, made)
    var piece: [FileJob.Part] = []
    var pieceBytes = 0
    while !blocks.isDone {
      let offset = blocks.offset
      do throws(ImageReadError) {
        guard let part = try blocks.next() else { continue }
        switch part {
        case .hole: continue
        case .block(let place, let size):
          piece.append(.block(place, size: size, at: offset))
          pieceBytes += size
        case .tail(let index, let tailOffset, let size):
          let fragment = try fragment(index)
          piece.append(.tail(fragment, offset: tailOffset, size: size, at: offset))
          pieceBytes += size
        }
      } catch {
        guard command.keepGoing else { throw error }
        let end = blocks.offset > offset && !blocks.isDone ? blocks.offset : file.size
        if case .lost(let first, let size, let start)? = piece.last, start + size == offset {
          piece[piece.count - 1] = .lost(first, size: end - start, at: start)
        } else {
          piece.append(.lost(error, size: end - offset, at: offset))
          pieceBytes += Self.pieceSize / 64
        }
        if state.isStopped || Interruption.isRequested { return }
      }
      if pieceBytes >= Self.pieceSize && !blocks.isDone {
        job.addPiece()
        submit(piece, of: job)
        piece = []
        pieceBytes = 0
        if state.isStopped || Interruption.isRequested { return }
      }
    }
    job.addPiece(isLast: true)
    submit(piece, of: job)
  }

  private func submit(_ piece: [FileJob.Part], of job: FileJob) {
    pool?.submit { writer in writer.write(piece, of: job) }
  }

  private func lose(_ path: [UInt8], _ error: ImageReadError) throws {
    guard command.keepGoing else { throw error.about(path) }
    state.countLost(path, "\(error)")
  }
}

extension ImageReadError {
  /// The same, with the file in the image.
  func about(_ path: [UInt8]) -> ImageReadError {
    ImageReadError(code, at: offset, "\(path.isEmpty ? "/" : path.escapedName): \(message)")
  }
}
