import CFuse
import Glibc
import Posix
import SquashFS
import SquashFSFormat
import TreeModel

extension MountedImage {
  /// Answers with the entry of a directory.
  func lookup(_ request: Request, _ directory: UInt64, _ name: [UInt8]) {
    guard name.count <= DirectoryEntryRecord.longestName else {
      return request.fail(ENAMETOOLONG)
    }
    answer(request, directory) { [self] (image) throws(ImageReadError) in
      guard let inode = try image.entry(named: name, in: try inode(directory, image)) else {
        return { cfuse_reply_no_entry(request.pointer) }
      }
      let node = try node(of: inode.reference)
      let attributes = try attributes(of: inode, image)
      return {
        withUnsafePointer(to: attributes) {
          cfuse_reply_entry(request.pointer, node.rawValue, $0)
        }
      }
    }
  }

  private func node(of reference: MetadataReference) throws(ImageReadError) -> NodeNumber {
    guard let node = NodeNumber(reference, root: superblock.rootInode) else {
      throw ImageReadError(.damaged, "an inode at an impossible place")
    }
    return node
  }

  /// Answers with entries of a directory, as many as there is room for.
  ///
  /// - Parameters:
  ///   - offset: 0, or what an earlier entry had as its `next`.
  ///   - isPlus: whether to tell all about each entry, which saves the kernel a request for each.
  func list(_ request: Request, _ node: UInt64, room: Int, offset: Int64, isPlus: Bool) {
    guard let place = ListingPlace(offset) else { return request.fail(EINVAL) }
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let answer = ListingAnswer(request, room: min(room, Self.mostBytes), isPlus: isPlus)
      do throws(ImageReadError) { try list(node, from: place, image, into: answer) } catch {
        // What was found before comes first; the error follows when the kernel asks for more.
        if answer.isEmpty { throw error }
      }
      if let place = answer.place {
        listings.note(place.reference, node: node, header: place.header)
      }
      return { answer.send() }
    }
  }

  private func list(
    _ node: UInt64, from place: ListingPlace, _ image: Image, into answer: ListingAnswer
  ) throws(ImageReadError) {
    let directory = try inode(node, image)
    guard case .directory(let record) = directory.record.body else {
      throw ImageReadError(.damaged, "this is not a directory")
    }
    var own = cfuse_attributes()
    own.mode = UInt32(S_IFDIR)
    if place == .start {
      own.inode = UInt64(directory.record.number)
      guard answer.add([UInt8(ascii: ".")], nil, own, next: .afterItself) else { return }
    }
    if place == .start || place == .afterItself {
      own.inode = UInt64(record.parent)
      let name = [UInt8(ascii: "."), UInt8(ascii: ".")]
      guard answer.add(name, nil, own, next: .entries(.start)) else { return }
    }
    var position = DirectoryCursor.Position.start
    if case .entries(let later) = place { position = later }
    var entries = try image.entries(
      of: directory, from: position, reference: listings[node, position.header])
    while let entry = try entries.next() {
      let added: Bool
      if answer.isPlus, let (node, attributes) = whole(entry, image) {
        added = answer.add(entry.name, node, attributes, next: .entries(entries.position))
      } else {
        var attributes = cfuse_attributes()
        attributes.inode = UInt64(entry.number)
        attributes.mode = UInt32(entry.type.modeBits)
        added = answer.add(entry.name, nil, attributes, next: .entries(entries.position))
      }
      if !added { return }
      if record.listingSize > MetadataBlock.byteCount, let place = entries.positionReference {
        answer.place = (place, entries.position.header)
      }
    }
  }

  /// What a lookup of an entry would find; `nil` if its inode is damaged, which the lookup will say.
  private func whole(
    _ entry: DirectoryCursor.Entry, _ image: Image
  ) -> (NodeNumber, cfuse_attributes)? {
    guard let inode = try? image.inode(at: entry.inode), inode.record.type == entry.type,
      let node = NodeNumber(entry.inode, root: superblock.rootInode),
      let attributes = try? attributes(of: inode, image)
    else { return nil }
    return (node, attributes)
  }
}
