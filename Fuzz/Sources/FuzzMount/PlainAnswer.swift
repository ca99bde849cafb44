import FuzzSupport
import Glibc
import SquashFS
import SquashFSFormat
import TreeModel

/// What a reader of the image that is not a mount finds, compared with a mount's answers.
final class PlainAnswer {
  /// The numbers of some nodes, first that of the root.
  private(set) var nodes: [UInt64] = [1]
  private(set) var directories: [UInt64] = [1]
  /// Those of entries, and of attributes.
  private(set) var names: [[UInt8]] = []
  private let image: Image
  private let unpacker: BlockUnpacker

  private static let mostNodes = 128
  private static let mostDirectories = 8
  /// SEEK_DATA and SEEK_HOLE of linux/fs.h.
  private static let seekData: UInt32 = 3
  private static let seekHole: UInt32 = 4
  /// The most bytes of an answer.
  private static let most = 1 << 20

  init(_ image: Image) throws {
    self.image = image
    unpacker = try image.makeUnpacker()
    var next = 0
    while next < directories.count {
      collect(directories[next])
      next += 1
    }
  }

  private func collect(_ node: UInt64) {
    guard let directory = try? inode(node), var entries = try? image.entries(of: directory) else {
      return
    }
    while nodes.count < Self.mostNodes, let entry = try? entries.next() {
      let found = number(of: entry.inode)
      guard !nodes.contains(found) else { continue }
      nodes.append(found)
      names.append(entry.name)
      guard let inode = try? image.inode(at: entry.inode) else { continue }
      if inode.record.type == .directory, directories.count < Self.mostDirectories {
        directories.append(found)
      }
      if names.count < Self.mostNodes { names += (try? image.xattrNames(of: inode)) ?? [] }
    }
  }

  /// The names in a directory, as many as can be read, and whether that is all.
  func listing(of node: UInt64, most: Int) -> (names: [[UInt8]], isWhole: Bool) {
    var names = [Array(".".utf8), Array("..".utf8)]
    do throws(ImageReadError) {
      var entries = try image.entries(of: try inode(node))
      while names.count < most {
        guard let entry = try entries.next() else { return (names, true) }
        names.append(entry.name)
      }
    } catch {}
    return (names, false)
  }

  // MARK: Nodes

  private func number(of reference: MetadataReference) -> UInt64 {
    reference == image.superblock.rootInode ? 1 : reference.rawValue + 2
  }

  private func inode(_ node: UInt64) throws(ImageReadError) -> ImageInode {
    if node == 1 { return try image.root() }
    guard node >= 2, node - 2 < 1 << 48 else { throw ImageReadError(.notFound, "no node") }
    return try image.inode(at: MetadataReference(rawValue: node - 2))
  }

  /// What must be right of the attributes: number, size, time, mode, links, owner, group.
  private func attributes(_ inode: ImageInode) throws(ImageReadError) -> [UInt64] {
    let owned = try image.attributes(of: inode)
    if image.hasXattrs { _ = try image.xattrSize(of: inode) }
    let size: UInt64
    switch inode.record.body {
    case .directory(let directory): size = UInt64(directory.storedSize)
    case .file(let file):
      guard file.size <= UInt64(Int64.max) else { throw ImageReadError(.damaged, "too large") }
      size = file.size
    case .symlink(let count): size = UInt64(count)
    case .device, .ipc: size = 0
    }
    return [
      UInt64(inode.record.number), size, UInt64(bitPattern: owned.modified),
      UInt64(inode.record.type.modeBits | owned.permissions), UInt64(inode.record.links),
      UInt64(owned.uid), UInt64(owned.gid),
    ]
  }

  /// Those of an answer, where they begin `place` bytes after its start.
  private func attributes(_ bytes: [UInt8], at place: Int) -> [UInt64] {
    precondition(bytes.count >= place + 88)
    return [0, 8, 32].map { bytes.number(place + $0, UInt64.self) }
      + [60, 64, 68, 72].map { UInt64(bytes.number(place + $0, UInt32.self)) }
  }

  // MARK: Answers

  func check(_ answer: FuseClient.Answer, to call: MountCall) {
    if answer.error != 0 { precondition(answer.bytes.isEmpty) }
    if call.isInterrupted && answer.error == EINTR { return }
    do throws(ImageReadError) {
      try compare(answer, to: call)
    } catch {
      precondition(answer.error != 0, "\(call) is answered, but \(error)")
    }
  }

  private func compare(
    _ answer: FuseClient.Answer, to call: MountCall
  ) throws(ImageReadError) {
    switch call.operation {
    case .attributes:
      let expected = try attributes(try inode(call.node))
      precondition(answer.error == 0 && attributes(answer.bytes, at: 16) == expected, "\(call)")
    case .lookup: try compareLookup(answer, call)
    case .target:
      let inode = try inode(call.node)
      guard inode.record.type == .symlink else { return precondition(answer.error == EINVAL) }
      let target = try image.target(of: inode)
      precondition(answer.bytes == target, "\(call)")
    case .read: try compareRead(answer, call)
    case .list, .listPlus:
      _ = MountedEntry.parse(answer.bytes, isPlus: call.operation == .listPlus)
      precondition(answer.bytes.count <= Int(call.size))
    case .xattr, .xattrs: try compareXattr(answer, call)
    case .seek: try compareSeek(answer, call)
    case .statistics: precondition(answer.error == 0 && answer.bytes.count == 80)
    case .initialize, .interrupt: break
    }
  }

  private func compareLookup(
    _ answer: FuseClient.Answer, _ call: MountCall
  ) throws(ImageReadError) {
    guard call.name.count <= 256 else { return precondition(answer.error == ENAMETOOLONG) }
    guard let found = try image.entry(named: call.name, in: try inode(call.node)) else {
      return precondition(answer.error == 0 && answer.bytes.number(0, UInt64.self) == 0, "\(call)")
    }
    let expected = try attributes(found)
    guard found.reference == image.superblock.rootInode || found.reference.rawValue < 1 << 48
    else { return precondition(answer.error != 0) }
    precondition(answer.error == 0, "\(call)")
    precondition(answer.bytes.number(0, UInt64.self) == number(of: found.reference), "\(call)")
    precondition(attributes(answer.bytes, at: 40) == expected, "\(call)")
  }

  private func compareRead(
    _ answer: FuseClient.Answer, _ call: MountCall
  ) throws(ImageReadError) {
    precondition(answer.bytes.count <= Int(call.size))
    guard call.offset <= UInt64(Int64.max) else { return precondition(answer.error != 0) }
    let inode = try inode(call.node)
    guard case .file(let file) = inode.record.body else {
      return precondition(answer.error != 0)
    }
    guard file.size <= UInt64(Int64.max) else { return precondition(answer.error != 0) }
    let start = min(call.offset, file.size)
    let count = min(UInt64(min(Int(call.size), Self.most)), file.size - start)
    if let expected = try contents(inode, start..<start + count) {
      precondition(answer.error == 0 && answer.bytes == expected, "\(call)")
    }
  }

  /// Bytes of a file; `nil` if the way to them is long.
  private func contents(
    _ inode: ImageInode, _ range: Range<UInt64>
  ) throws(ImageReadError) -> [UInt8]? {
    guard !range.isEmpty else { return [] }
    var blocks = try image.blocks(of: inode)
    let size = image.superblock.blockSize.byteCount
    var bytes: [UInt8] = []
    var steps = 0
    while true {
      steps += 1
      if steps > 5000 { return nil }
      let start = blocks.offset
      guard start < range.upperBound else { return bytes }
      let part: FileBlocks.Part
      do throws(ImageReadError) {
        guard let next = try blocks.next() else { return bytes }
        part = next
      } catch {
        // What is damaged before the range does not matter to the mount.
        if blocks.offset <= range.lowerBound, !blocks.isDone { continue }
        throw error
      }
      let own = start..<start + UInt64(part.size)
      let wanted = range.clamped(to: own)
      if wanted.isEmpty { continue }
      let inner = Int(wanted.lowerBound - start)..<Int(wanted.upperBound - start)
      switch part {
      case .hole: bytes += [UInt8](repeating: 0, count: inner.count)
      case .block(let place, let expected):
        let block = try unpack(place, size)
        guard block.count == expected else { throw ImageReadError(.damaged, "size") }
        bytes += block[inner]
      case .tail(let fragment, let offset, _):
        let block = try unpack(try image.fragment(fragment), size)
        guard offset + inner.upperBound <= block.count else {
          throw ImageReadError(.damaged, "size")
        }
        bytes += block[offset + inner.lowerBound..<offset + inner.upperBound]
      }
    }
  }

  private func unpack(_ place: BlockPlace, _ size: Int) throws(ImageReadError) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: size)
    var failure: ImageReadError?
    let count = block.withUnsafeMutableBytes { buffer -> Int in
      do throws(ImageReadError) { return try unpacker.unpack(place, into: buffer) } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return Array(block[..<count])
  }

  private func compareXattr(
    _ answer: FuseClient.Answer, _ call: MountCall
  ) throws(ImageReadError) {
    guard image.hasXattrs else { return precondition(answer.error == ENOSYS) }
    let expected: [UInt8]
    if call.operation == .xattr {
      guard XattrPrefix(of: call.name) != nil else {
        return precondition(answer.error == EOPNOTSUPP)
      }
      guard let value = try image.xattr(named: call.name, of: try inode(call.node)) else {
        return precondition(answer.error == ENODATA)
      }
      expected = value
    } else {
      expected = try image.xattrNames(of: try inode(call.node))
        .filter { call.user == 0 || !$0.starts(with: "trusted.".utf8) }.flatMap { $0 + [0] }
      guard expected.count <= 65_536 else { return precondition(answer.error == E2BIG) }
    }
    if call.size == 0 {
      precondition(answer.bytes.number(0, UInt32.self) == expected.count, "\(call)")
    } else if expected.count > Int(call.size) {
      precondition(answer.error == ERANGE, "\(call)")
    } else {
      precondition(answer.error == 0 && answer.bytes == expected, "\(call)")
    }
  }

  private func compareSeek(
    _ answer: FuseClient.Answer, _ call: MountCall
  ) throws(ImageReadError) {
    guard call.whence == Self.seekHole || call.whence == Self.seekData else {
      return precondition(answer.error != 0)
    }
    let inode = try inode(call.node)
    guard case .file(let file) = inode.record.body, file.size <= UInt64(Int64.max),
      call.offset < file.size
    else { return precondition(answer.error != 0) }
    let wantsHole = call.whence == Self.seekHole
    var blocks = try image.blocks(of: inode)
    var steps = 0
    while steps < 5000 {
      steps += 1
      let start = blocks.offset
      // The list may be readable where a block's place is not.
      guard let part = try? blocks.next() else { return }
      var isHole = false
      if case .hole = part { isHole = true }
      let end = start + UInt64(part.size)
      if end > call.offset && isHole == wantsHole {
        let found = answer.error == 0 ? answer.bytes.number(0, UInt64.self) : .max
        return precondition(found == max(start, call.offset), "\(call)")
      }
    }
  }
}
