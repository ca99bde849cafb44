import Posix
import SquashFSFormat
import TreeModel

/// Checks every inode of the inode table by itself.
final class InodeCheck {
  private let image: Image
  private let list: FindingList
  private let superblock: Superblock
  private let window: InodeWindow
  private(set) var count: UInt64 = 0
  /// Whether the numbers are not exactly those from 1 to the number of inodes.
  private(set) var hasWrongNumbers = false

  /// - Parameter window: receives the inodes of its range.
  init(_ image: Image, _ list: FindingList, _ window: InodeWindow) {
    self.image = image
    self.list = list
    self.window = window
    superblock = image.superblock
  }

  /// - Parameter blocks: receives the places of the files' data.
  /// - Returns: whether the table could be read to its end.
  func run(collecting blocks: BlockCollector) -> Bool {
    var numbers = InodeSet(upTo: superblock.inodeCount)
    do throws(ImageReadError) {
      var scan = try InodeScan(image)
      while let inode = try scan.next() {
        count += 1
        window.note(inode)
        let number = inode.record.number
        hasWrongNumbers = hasWrongNumbers || number == 0 || number > superblock.inodeCount
        if number == 0 || number > superblock.inodeCount {
          report(inode, "inode number \(number) is not from 1 to \(superblock.inodeCount)")
        } else if !numbers.insert(number) {
          hasWrongNumbers = true
          report(inode, "a second inode has the number \(number)")
        }
        check(inode)
        if case .file(let file) = inode.record.body { check(file, of: inode, blocks) }
        try checkExport(of: inode)
      }
    } catch {
      list.add(error, .inode)
      return false
    }
    if count != UInt64(superblock.inodeCount) {
      list.add(
        Finding(
          .error, .inode, offset: image.input.base + superblock.inodeTable,
          "the inode table has \(count.counted("inode")), the superblock says "
            + superblock.inodeCount.grouped))
    }
    return true
  }

  private func report(
    _ inode: ImageInode, _ message: String, severity: Finding.Severity = .error,
    kind: Finding.Kind = .inode
  ) {
    list.add(
      Finding(severity, kind, offset: image.fileOffset(of: inode), message),
      about: .inode(inode.record.number))
  }

  private func check(_ inode: ImageInode) {
    let record = inode.record
    if Int(record.uidIndex) >= image.ids.count || Int(record.gidIndex) >= image.ids.count {
      report(inode, "its owner is not in the id table")
    }
    if record.typeBits != 0 {
      let which = record.typeBits == record.type.modeBits ? "a type" : "another type"
      report(inode, "its mode has the bits of \(which): Linux will not open it")
    }
    if case .file(let file) = record.body, file.hasFragment,
      file.tailSize(superblock.blockSize) == 0
    {
      report(inode, "has a fragment but no data in it: Linux will not open it", kind: .tail)
    }
    if record.links == 0 { report(inode, "a link count of 0", kind: .links) }
    do throws(ImageReadError) {
      let xattrs = try image.xattrIndex(of: inode)
      if xattrs != Inode.noXattrs && Int(xattrs) >= (image.xattrs?.rows.count ?? 0) {
        report(inode, "set \(xattrs) of extended attributes is not in the table")
      }
      if record.type == .symlink {
        let target = try image.target(of: inode)
        if target.count > LinuxLimits.longestPath {
          report(
            inode,
            "a symbolic link of \(target.count.counted("byte")); Linux reads "
              + LinuxLimits.longestPath.grouped)
        }
      }
    } catch {
      list.add(error, .inode, about: .inode(record.number))
    }
  }

  private func check(
    _ file: InodeRecord.File, of inode: ImageInode, _ blocks: BlockCollector
  ) {
    var holes: UInt64 = 0
    var isWhole = true
    var errors = 0
    do throws(ImageReadError) {
      var parts = try image.blocks(of: inode)
      while !parts.isDone {
        do throws(ImageReadError) {
          switch try parts.next() {
          case .hole(let size)?: holes += UInt64(size)
          case .block(let place, let size)?:
            blocks.add(file: inode.record.number, place, size: size)
          case .tail(let fragment, let offset, let size)?:
            add(tail: fragment, offset, size, of: inode, to: blocks)
          case nil: break
          }
        } catch {
          isWhole = false
          list.add(error, .block, about: .inode(inode.record.number))
          errors += 1
          if errors == EffortBudget.mostBadBlocks { return }
        }
      }
    } catch {
      list.add(error, .block, about: .inode(inode.record.number))
      return
    }
    if isWhole { checkSparse(file, holes, inode) }
  }

  private func add(
    tail fragment: UInt32, _ offset: Int, _ size: Int, of inode: ImageInode,
    to blocks: BlockCollector
  ) {
    guard fragment < superblock.fragmentCount else {
      report(
        inode,
        "its end is in fragment \(fragment), but there are only \(superblock.fragmentCount)",
        kind: .tail)
      return
    }
    blocks.addTail(fragment, offset: offset, size: size, file: inode.record.number)
  }

  /// The kernel subtracts this from a file's size to show how much room it takes; writers differ by
  /// the one byte that keeps a file of holes from showing zero.
  private func checkSparse(_ file: InodeRecord.File, _ holes: UInt64, _ inode: ImageInode) {
    guard inode.record.isExtended else { return }
    if file.sparse > file.size {
      report(
        inode, "\(file.sparse.counted("byte")) in holes, in a file of \(file.size.counted("byte"))",
        kind: .sparse)
    } else if file.sparse != holes && !(holes == file.size && file.sparse + 1 == holes) {
      report(
        inode,
        "\(holes.counted("byte")) in holes, the inode says \(file.sparse.grouped); du will show a wrong size",
        severity: .warning, kind: .sparse)
    }
  }

  private func checkExport(of inode: ImageInode) throws(ImageReadError) {
    guard let table = image.exportTable else { return }
    let number = inode.record.number
    guard number > 0, Int(number) <= table.count else { return }
    let row: UInt64
    do throws(ImageReadError) {
      row = try table.row(Int(number) - 1) { $0.little(0) }
    } catch {
      return  // found by the table's own check
    }
    if row != inode.reference.rawValue {
      report(
        inode,
        "row \(number) of the export table leads elsewhere; NFS clients would get another file",
        kind: .exportTable)
    }
  }
}
