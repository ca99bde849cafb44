import Posix
import SquashFS
import SquashFSFormat
import TreeModel

/// The work for other threads.
extension Extractor {
  /// Takes a file with one name and one part.
  ///
  /// - Returns: whether it was one.
  func batch(
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

  /// A fragment block; a thread unpacks it when it is first needed.
  private func fragment(_ index: UInt32) throws(ImageReadError) -> FragmentCache.Fragment {
    let (fragment, isNew) = try fragments.fragment(index, of: image)
    if isNew { pool?.submit(isUrgent: true) { writer in writer.prepare(fragment) } }
    return fragment
  }

  func submitSmallFiles() {
    guard let batch = smallFiles else { return }
    smallFiles = nil
    pool?.submit { writer in writer.write(batch) }
  }

  /// Files up to this size are one piece of work, larger ones several.
  private static let pieceSize = 1 << 20

  func submit(
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
        guard options.keepsGoing else { throw error }
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
}
