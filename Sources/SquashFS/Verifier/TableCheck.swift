import Posix
import SquashFSFormat
import TreeModel

/// Checks the places of the tables, and the small ones row by row.
final class TableCheck {
  private let image: Image
  private let list: FindingList
  private let superblock: Superblock
  /// The space of the superblock and the tables, as far as it can be traced.
  private(set) var regions: [Region] = []

  init(_ image: Image, _ list: FindingList) {
    self.image = image
    self.list = list
    superblock = image.superblock
  }

  func run() {
    let start = UInt64(Superblock.byteCount)
    regions.append(Region(range: 0..<start, name: "superblock"))
    if superblock.flags.contains(.compressorOptions),
      let size = CompressorOptions.byteCount(superblock.compressor)
    {
      regions.append(Region(range: start..<start + 2 + UInt64(size), name: "compressor options"))
    }
    follow(image.inodes, "inode table", .inode)
    follow(image.directories, "directory table", .directory)
    if let table = image.fragmentTable { checkRows(table, "fragment table", .fragmentTable) }
    if let table = image.exportTable { checkRows(table, "export table", .exportTable) }
    checkRows(image.idTable, "id table", .idTable)
    if let xattrs = image.xattrs {
      follow(xattrs.pairs, "extended attributes", .xattrTable)
      checkRows(xattrs.rows, "xattr table", .xattrTable)
      regions.append(
        Region(
          range: xattrs.header..<xattrs.header + XattrTableReader.headerSize,
          name: "xattr table's header"))
    }
    checkOrder()
    checkIDs()
    checkXattrs()
  }

  /// Adds the fragment blocks to those to unpack.
  func collectFragments(into blocks: BlockCollector) {
    guard let table = image.fragmentTable else { return }
    for index in 0..<table.count {
      let unused: UInt32
      do throws(ImageReadError) {
        unused = try table.row(index) { $0.little(12) }
      } catch {
        return  // reported by the table's own check
      }
      if unused != 0 {
        list.add(
          Finding(
            .warning, .fragmentTable, offset: image.input.base + table.list,
            "row \(index) of the fragment table has data in its unused field"))
      }
      do throws(ImageReadError) {
        blocks.add(fragment: UInt32(index), try image.fragment(UInt32(index)))
      } catch {
        list.add(error, .fragmentTable, about: .fragment(UInt32(index)))
      }
    }
  }

  // MARK: Places

  /// Traces a table's metadata blocks, which must end where the table does.
  private func follow(_ table: MetadataTable, _ name: String, _ kind: Finding.Kind) {
    regions.append(Region(range: table.range, name: name))
    let size = table.range.upperBound - table.range.lowerBound
    var position: UInt64 = 0
    while position < size {
      do throws(ImageReadError) {
        let block = try table.block(at: position)
        if block.next < size && block.count < MetadataBlock.byteCount {
          list.add(
            Finding(
              .error, kind, offset: table.fileOffset(position),
              "a block of only \(block.count.counted("byte")) in the middle of the \(name)"))
        }
        position = block.next
      } catch {
        list.add(error, kind)
        return
      }
    }
  }

  /// Traces the blocks of a table of rows: each must follow the previous one, and the list the
  /// last, as the kernel requires for all but fragments.
  private func checkRows(_ table: LookupTableReader, _ name: String, _ kind: Finding.Kind) {
    regions.append(
      Region(range: table.list..<table.list + table.listSize, name: "list of the \(name)"))
    var expected: UInt64?
    var start: UInt64?
    defer {
      if let start, let expected { regions.append(Region(range: start..<expected, name: name)) }
    }
    for index in 0..<table.blockCount {
      do throws(ImageReadError) {
        let block = try table.block(index)
        if let expected, block.start != expected {
          list.add(
            Finding(
              .error, kind, offset: image.input.base + block.start,
              "block \(index) of the \(name) does not come after the one before"))
          return
        }
        let due = min(
          MetadataBlock.byteCount, table.count * table.rowSize - index * MetadataBlock.byteCount)
        if block.count != due {
          list.add(
            Finding(
              .error, kind, offset: image.input.base + block.start,
              "a block of the \(name) unpacks to \(block.count.counted("byte")), expected \(due.grouped)"
            ))
        }
        start = start ?? block.start
        expected = block.next
      } catch {
        list.add(error, kind)
        return
      }
    }
    // Fragment blocks may come with the names and inodes before the data, far from their list.
    guard kind != .fragmentTable else { return }
    let end = kind == .xattrTable ? table.list - XattrTableReader.headerSize : table.list
    if let expected, expected != end {
      let text =
        expected < end
        ? "ends here, \((end - expected).counted("byte")) before its list of blocks"
        : "runs to here, past the start of its list of blocks"
      list.add(
        Finding(.error, kind, offset: image.input.base + expected, "the \(name) \(text)"))
    }
  }

  /// The kernel reads the tables from last to first and requires each to come before the other.
  private func checkOrder() {
    var tables: [(UInt64, String)] = [
      (superblock.inodeTable, "inode"), (superblock.directoryTable, "directory"),
    ]
    if image.fragmentTable != nil { tables.append((superblock.fragmentTable, "fragment")) }
    if image.exportTable != nil { tables.append((superblock.exportTable, "export")) }
    tables.append((superblock.idTable, "id"))
    if image.xattrs != nil { tables.append((superblock.xattrTable, "xattr")) }
    for (first, second) in zip(tables, tables.dropFirst()) where first.0 >= second.0 {
      list.add(
        Finding(
          .error, .layout, offset: image.input.base + second.0,
          "will not mount: the \(second.1) table is not after the \(first.1) table"))
    }
    if let table = image.fragmentTable, let first = try? table.position(ofBlock: 0),
      first < superblock.directoryTable
    {
      list.add(
        Finding(
          .error, .layout, offset: image.input.base + first,
          "will not mount: the fragment table begins before the directory table"))
    }
    checkEnds()
    if image.fragmentTable == nil && superblock.fragmentTable != Superblock.noTable
      && superblock.fragmentTable > superblock.bytesUsed
    {
      list.add(
        Finding(
          .warning, .layout, offset: image.input.base + 80,
          "the place of the fragment table makes no sense, but there are no fragments"))
    }
  }

  /// Checks that tables end exactly where the next thing starts, if the kernel requires it.
  private func checkEnds() {
    func check(_ table: LookupTableReader, _ next: UInt64, _ name: String, _ kind: Finding.Kind) {
      let end = table.list + table.listSize
      guard end != next else { return }
      list.add(
        Finding(
          .error, kind, offset: image.input.base + end,
          "will not mount: the \(name) table ends here, but the next one starts at byte \(next)")
      )
    }
    let idBlocks = try? image.idTable.position(ofBlock: 0)
    if let table = image.exportTable, let idBlocks {
      check(table, idBlocks, "export", .exportTable)
    }
    if let xattrs = image.xattrs {
      check(image.idTable, xattrs.pairs.range.lowerBound, "id", .idTable)
      check(xattrs.rows, superblock.bytesUsed, "xattr", .xattrTable)
      if xattrs.rows.count == 0 {
        list.add(
          Finding(
            .error, .xattrTable, offset: image.input.base + xattrs.header,
            "will not mount: a table of extended attributes without any"))
      }
    } else {
      check(image.idTable, superblock.bytesUsed, "id", .idTable)
    }
  }

  // MARK: Rows

  private func checkIDs() {
    var seen: [UInt32: Int] = [:]
    for (index, id) in image.ids.enumerated() {
      if let first = seen[id] {
        list.add(
          Finding(
            .warning, .idTable, offset: image.input.base + image.idTable.list,
            "id \(id) is in the table twice, at \(first) and \(index)"))
      }
      seen[id] = index
      if id == UInt32.max {
        list.add(
          Finding(
            .warning, .idTable, offset: image.input.base + image.idTable.list,
            "id \(id) is not a valid user or group: Linux and the other commands show"
              + " \(Image.owner(id)) instead"))
      }
    }
  }

  /// Sets follow each other in the table; rereading them could take forever in a hostile image.
  private func checkXattrs() {
    guard let xattrs = image.xattrs else { return }
    var end = MetadataReference(rawValue: 0)
    var largeBytes: UInt64 = 0
    for index in 0..<xattrs.rows.count {
      do throws(ImageReadError) {
        let row = try xattrs.row(index)
        let place = xattrs.pairs.fileOffset(row.reference.blockStart)
        guard row.reference.rawValue >= end.rawValue else {
          throw .damaged(at: place, "set \(index) of extended attributes overlaps another")
        }
        guard row.count > 0 else {
          throw .damaged(at: place, "set \(index) of extended attributes is empty")
        }
        let set = try xattrs.outline(row)
        end = set.end
        if set.bytes > UInt64(EffortBudget.freeSetBytes) { largeBytes += set.bytes }
        guard xattrs.budget.isPlausible(largeBytes) else { throw xattrs.implausible }
        if Set(set.names).count < set.names.count {
          throw .damaged(at: place, "set \(index) has an attribute twice")
        }
        let listSize = set.names.reduce(0) { $0 + $1.count + 1 }
        if listSize > LinuxLimits.longestXattrList {
          throw .damaged(
            at: place,
            "set \(index) has a list of names of \(listSize.counted("byte")); Linux gives "
              + LinuxLimits.longestXattrList.grouped)
        }
        if !set.hasSize(row.size) {
          list.add(
            Finding(
              .warning, .xattrTable, offset: place,
              "set \(index) of extended attributes differs in size from its row: some may be "
                + "missing"))
        }
      } catch {
        list.add(error, .xattrTable)
        return  // the rest is most likely as bad
      }
    }
  }
}
