import SquashFSFormat
import TreeModel

/// The root directory of an image, found with only the two tables it needs: a few reads, however
/// large the image.
package struct RootDirectory: Sendable {
  package let permissions: UInt16
  package let uid: UInt32
  package let gid: UInt32

  /// - Throws: `ImageReadError` if the image has no readable one.
  package init(of input: ImageInput) throws(ImageReadError) {
    let superblock = try Image.readSuperblock(of: input)
    let layout = try TableLayout(superblock, input)
    func codec() throws(ImageReadError) -> any BlockDecompressor {
      do { return try superblock.compressor.makeDecompressor() } catch {
        throw ImageReadError(.unsupported, "\(error)")
      }
    }
    let inodes = MetadataTable(layout.inodes, "inode table", of: input, codec: try codec())
    var cursor = try MetadataCursor(inodes, at: superblock.rootInode)
    let record = try cursor.inode().record
    guard record.type == .directory else {
      throw .damaged(at: input.base, "the root of the image is not a directory")
    }
    let ids = try LookupTableReader(
      list: superblock.idTable, rowSize: 4, count: Int(superblock.idCount), end: layout.end,
      of: input, codec: try codec(), name: "id")
    func id(_ index: UInt16) throws(ImageReadError) -> UInt32 {
      guard Int(index) < ids.count else {
        throw .damaged(at: input.base, "an owner that is not in the id table")
      }
      return try ids.row(Int(index)) { $0.little(0) }
    }
    permissions = record.permissions
    uid = try id(record.uidIndex)
    gid = try id(record.gidIndex)
  }

  /// Whether only root can enter it once it is mounted.
  package var isRootsAlone: Bool {
    permissions & 0o001 == 0 && (gid == 0 || permissions & 0o010 == 0)
      && (uid == 0 || permissions & 0o100 == 0)
  }
}
