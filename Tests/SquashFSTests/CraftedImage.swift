import SquashFSFormat

/// An image put together field by field, to do what no writer would. Metadata is not compressed
/// unless `packs` says so, so that positions are known in advance.
struct CraftedImage {
  /// Bytes in the order of the format.
  struct Bytes {
    var bytes: [UInt8] = []

    mutating func add(_ values: any FixedWidthInteger...) {
      for value in values { bytes += Self.little(value) }
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// The position of the next byte, as a reference into its table.
    var reference: UInt64 {
      UInt64(bytes.count / 8192 * 8194) << 16 | UInt64(bytes.count % 8192)
    }
  }

  /// An entry of a directory.
  struct Entry {
    var name: String
    var inode: UInt64
    var number: UInt32
    var type: UInt16
  }

  /// Tables that are a single metadata block here, and can be stored in another form.
  enum Table: CaseIterable { case inodes, listings, fragments, ids, attributes, attributeSets }

  static let none = UInt32.max

  var compressor = CompressorID.gzip
  /// The payload of the compressor's options; empty for none.
  var options: [UInt8] = []
  /// The bytes of blocks, the first of which is at `dataStart`.
  var data: [UInt8] = []
  var inodes = Bytes()
  var listings = Bytes()
  /// Rows of 16 bytes.
  var fragments = Bytes()
  var attributes = Bytes()
  /// Rows of 16 bytes.
  var attributeSets = Bytes()
  var blockLog: UInt16 = 17
  /// Compresses the only block of a table.
  var packs: [Table: ([UInt8]) -> [UInt8]] = [:]
  /// The inode count in the superblock.
  var inodeCount: UInt32 = 0

  var dataStart: UInt64 { 96 + UInt64(options.isEmpty ? 0 : 2 + options.count) }

  /// Adds a compressed block of a file or of fragments, and returns its position.
  mutating func addBlock(_ stored: [UInt8]) -> UInt64 {
    defer { data += stored }
    return dataStart + UInt64(data.count)
  }

  // MARK: Inodes; these return references

  private mutating func header(
    _ type: UInt16, _ number: UInt32, mode: UInt16 = 0o755, modified: UInt32 = 0
  ) -> UInt64 {
    let reference = inodes.reference
    inodes.add(type, mode, UInt16(0), UInt16(0), modified, number)
    inodeCount = max(inodeCount, number)
    return reference
  }

  mutating func addFifo(_ number: UInt32, links: UInt32 = 1) -> UInt64 {
    let reference = header(6, number)
    inodes.add(links)
    return reference
  }

  mutating func addFifo(_ number: UInt32, attributes: UInt32) -> UInt64 {
    let reference = header(13, number)
    inodes.add(UInt32(1), attributes)
    return reference
  }

  mutating func addLink(_ number: UInt32, to target: String) -> UInt64 {
    let reference = header(3, number)
    inodes.add(UInt32(1), UInt32(target.utf8.count))
    inodes.bytes += target.utf8
    return reference
  }

  mutating func addFile(
    _ number: UInt32, at start: UInt64, size: UInt64, blocks: [UInt32] = [],
    fragment: UInt32 = none, attributes: UInt32 = none
  ) -> UInt64 {
    let reference = header(9, number)
    inodes.add(start, size, UInt64(0), UInt32(1), fragment, UInt32(0), attributes)
    for block in blocks { inodes.add(block) }
    return reference
  }

  mutating func addDirectory(
    _ number: UInt32, listing: UInt64, size: Int, indexCount: UInt16 = 0, mode: UInt16 = 0o755,
    modified: UInt32 = 0
  ) -> UInt64 {
    let reference = header(8, number, mode: mode, modified: modified)
    inodes.add(
      UInt32(2), UInt32(size + 3), UInt32(listing >> 16), UInt32(1), indexCount,
      UInt16(listing & 0xffff), Self.none)
    return reference
  }

  // MARK: Listings

  /// Adds a listing with a header for each entry.
  mutating func addListing(_ entries: [Entry]) -> (reference: UInt64, size: Int) {
    let (start, reference) = (listings.bytes.count, listings.reference)
    for entry in entries {
      listings.add(UInt32(0), UInt32(entry.inode >> 16), entry.number)
      listings.add(
        UInt16(entry.inode & 0xffff), Int16(0), entry.type, UInt16(entry.name.utf8.count - 1))
      listings.bytes += entry.name.utf8
    }
    return (reference, listings.bytes.count - start)
  }

  /// Adds a directory with these entries.
  mutating func addDirectory(_ number: UInt32, _ entries: [Entry]) -> UInt64 {
    let (listing, size) = addListing(entries)
    return addDirectory(number, listing: listing, size: size)
  }

  // MARK: The image

  private func blocks(_ bytes: [UInt8], of kind: Table) -> [UInt8] {
    var table = Bytes()
    if let pack = packs[kind] {
      let payload = pack(bytes)
      table.add(UInt16(payload.count))
      return table.bytes + payload
    }
    for start in stride(from: 0, to: bytes.count, by: 8192) {
      let block = bytes[start..<min(bytes.count, start + 8192)]
      table.add(UInt16(0x8000 | block.count))
      table.bytes += block
    }
    return table.bytes
  }

  /// Appends a table of rows and its list; returns the list's position.
  private func append(
    _ rows: [UInt8], of kind: Table, header: [UInt8] = [], to image: inout Bytes
  ) -> UInt64 {
    let start = image.bytes.count
    image.bytes += blocks(rows, of: kind)
    let list = image.bytes.count
    image.bytes += header
    for block in 0..<(rows.count + 8191) / 8192 { image.add(UInt64(start + block * 8194)) }
    return UInt64(list)
  }

  /// The whole file.
  func build(root: UInt64) -> [UInt8] {
    var image = Bytes(bytes: [UInt8](repeating: 0, count: 96))
    if !options.isEmpty { image.add(UInt16(0x8000 | options.count)) }
    image.bytes += options + data
    let inodeTable = UInt64(image.bytes.count)
    image.bytes += blocks(inodes.bytes, of: .inodes)
    let directoryTable = UInt64(image.bytes.count)
    image.bytes += blocks(listings.bytes, of: .listings)
    let fragmentTable =
      fragments.bytes.isEmpty ? .max : append(fragments.bytes, of: .fragments, to: &image)
    let idTable = append([0, 0, 0, 0], of: .ids, to: &image)
    var xattrTable = UInt64.max
    if !attributeSets.bytes.isEmpty {
      var header = Bytes()
      header.add(UInt64(image.bytes.count), UInt32(attributeSets.bytes.count / 16), UInt32(0))
      image.bytes += blocks(attributes.bytes, of: .attributes)
      xattrTable = append(
        attributeSets.bytes, of: .attributeSets, header: header.bytes, to: &image)
    }
    var superblock = Bytes()
    superblock.add(
      Superblock.magic, inodeCount, UInt32(0), UInt32(1) << UInt32(blockLog),
      UInt32(fragments.bytes.count / 16), compressor.rawValue, blockLog,
      UInt16(options.isEmpty ? 0 : Superblock.Flags.compressorOptions.rawValue), UInt16(1),
      UInt16(4), UInt16(0), root, UInt64(image.bytes.count), idTable, xattrTable, inodeTable,
      directoryTable,
      fragmentTable, UInt64.max)
    image.bytes.replaceSubrange(0..<96, with: superblock.bytes)
    image.bytes += [UInt8](repeating: 0, count: 4096 - image.bytes.count % 4096)
    return image.bytes
  }
}
