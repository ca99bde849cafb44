import SquashFSFormat
import TreeModel

/// After damage was found: finds out which files it affects, and how many are still readable.
struct Survey {
  private let image: Image
  private let list: FindingList
  private let isTreeWhole: Bool
  private let fragmentSizes: FragmentSizes?

  /// - Parameter fragmentSizes: the unpacked sizes of fragment blocks, if they were unpacked.
  init(
    _ image: Image, _ list: FindingList, isTreeWhole: Bool, _ fragmentSizes: FragmentSizes?
  ) {
    self.image = image
    self.list = list
    self.isTreeWhole = isTreeWhole
    self.fragmentSizes = fragmentSizes
  }

  func run() -> Verifier.Salvage {
    var salvage = Verifier.Salvage()
    salvage.isPartial = !isTreeWhole
    guard let root = try? image.root(), var walk = try? TreeWalk(image, from: root) else {
      salvage.isPartial = true
      return salvage
    }
    var seen = InodeSet(upTo: image.superblock.inodeCount)
    list.addPath([], of: .inode(root.record.number))
    while true {
      let node: TreeWalk.Node?
      do throws(ImageReadError) {
        node = try walk.next()
      } catch {
        salvage.isPartial = true
        continue
      }
      guard let node else { return salvage }
      let number = node.inode.record.number
      guard node.inode.record.type == .directory || seen.insert(number) else { continue }
      list.addPath(node.path, of: .inode(number))
      guard case .file(let file) = node.inode.record.body else { continue }
      salvage.files += 1
      let bytes = readable(node, file)
      salvage.bytes = salvage.bytes.addingReportingOverflow(file.size).partialValue
      salvage.readableBytes = salvage.readableBytes.addingReportingOverflow(bytes).partialValue
      if bytes == file.size { salvage.readableFiles += 1 }
    }
  }

  /// Whether a truncated file still has a block.
  private func isThere(_ place: BlockPlace) -> Bool {
    place.start + UInt64(place.stored.byteCount) <= image.input.length
  }

  /// The number of a file's bytes outside damaged blocks.
  private func readable(_ node: TreeWalk.Node, _ file: InodeRecord.File) -> UInt64 {
    guard var parts = try? image.blocks(of: node.inode) else { return 0 }
    var bytes: UInt64 = 0
    var errors = 0
    while !parts.isDone {
      let part: FileBlocks.Part
      do throws(ImageReadError) {
        guard let next = try parts.next() else { continue }
        part = next
      } catch {
        errors += 1
        if errors == EffortBudget.mostBadBlocks { return bytes }
        continue
      }
      var subject: FindingList.Subject?
      switch part {
      case .hole: break
      case .block(let place, _):
        subject = .block(place.start)
        if !isThere(place) { continue }
      case .tail(let fragment, let offset, let size):
        subject = .fragment(fragment)
        guard let place = try? image.fragment(fragment), isThere(place) else { continue }
        if let known = fragmentSizes?[fragment], offset + size > known { continue }
      }
      if let subject { list.addPath(node.path, of: subject) }
      if subject.map({ list.isLost($0) }) != true { bytes += UInt64(part.size) }
    }
    return bytes
  }
}
