import Posix
import SquashFSFormat
import TreeModel

/// The sets of extended attributes of an image.
///
/// Layout: SquashFS Binary Format, section "Extended Attribute Table".
final class XattrTableReader {
  /// The position of the header: the place of the attributes, the number of sets, then the list.
  let header: UInt64
  /// The rows, each with the place of a set, its number of attributes, and its size.
  let rows: LookupTableReader
  /// Where the attributes themselves are.
  let pairs: MetadataTable

  /// The limit on sets in total.
  var budget: AttributeBudget
  /// The size of all sets returned, in bytes.
  private(set) var bytesGiven: UInt64 = 0

  /// Recently read sets: many files share them.
  private var cache: [UInt32: [ExtendedAttribute]] = [:]
  private var cachedBytes = 0
  /// Recently read out-of-line values, by their places: many sets share them.
  private var values: [UInt64: [UInt8]] = [:]
  private var valueCacheBytes = 0
  private var readBytes: UInt64 = 0
  /// The sizes of out-of-line values that have been checked, by their places.
  private var valueSizes: [UInt64: UInt32] = [:]
  private var valueBytes: UInt64 = 0

  private static let mostCached = 8 << 20
  private static let mostValuesCached = 32 << 20
  private static let mostValueSizes = 1 << 18
  /// A list of names has at least six bytes for each.
  static let mostAttributes = UInt32(LinuxLimits.longestXattrList / 6)

  static let headerSize: UInt64 = 16

  /// A set as described by its row.
  struct Row {
    var reference: MetadataReference
    var count: UInt32
    /// The size of its keys and values as stored in the table, in bytes.
    var size: UInt32
  }

  init(
    _ header: UInt64, end: UInt64, of input: ImageInput, codec: any BlockDecompressor,
    caching caches: ImageTables.Caches = .ofOneReader
  ) throws(ImageReadError) {
    self.header = header
    guard header <= end, end - header >= Self.headerSize else {
      throw .damaged(at: input.base, "the xattr table starts outside the image")
    }
    let start: UInt64 = try input.number(at: header)
    let count: UInt32 = try input.number(at: header + 8)
    rows = try LookupTableReader(
      list: header + Self.headerSize, rowSize: 16, count: Int(count),
      end: end, of: input, codec: codec, name: "xattr", cacheLimit: caches.lookups,
      sharing: caches.shared)
    // The rows follow right after the attributes.
    let pairsEnd = rows.count > 0 ? try rows.position(ofBlock: 0) : header
    guard start >= UInt64(Superblock.byteCount), start <= pairsEnd, pairsEnd <= header else {
      throw .damaged(
        at: input.base + header, "the extended attributes lie outside their table")
    }
    pairs = MetadataTable(
      start..<pairsEnd, "xattr table", of: input, codec: codec, cacheLimit: caches.directories,
      sharing: caches.shared)
    budget = AttributeBudget(pairs, setCount: rows.count)
  }

  func row(_ index: Int) throws(ImageReadError) -> Row {
    try rows.row(index) {
      Row(
        reference: MetadataReference(rawValue: $0.little(0)), count: $0.little(8),
        size: $0.little(12))
    }
  }

  /// A set with its values.
  func attributes(_ index: UInt32) throws(ImageReadError) -> [ExtendedAttribute] {
    guard !budget.isRefused(index) else { throw implausible }
    let known = cache[index]
    let attributes: [ExtendedAttribute]
    if let known { attributes = known } else { attributes = try read(index) }
    let size = Self.size(of: attributes)
    guard budget.take(index, byteCount: size) else { throw implausible }
    bytesGiven += UInt64(size)
    guard known == nil, size <= Self.mostCached else { return attributes }
    cachedBytes += size
    if cachedBytes > Self.mostCached {
      cache.removeAll()
      cachedBytes = size
    }
    cache[index] = attributes
    return attributes
  }

  private static func size(of attributes: [ExtendedAttribute]) -> Int {
    attributes.reduce(64) { $0 + $1.name.count + $1.value.count + 64 }
  }

  var implausible: ImageReadError {
    .damaged(at: pairs.fileOffset(0), "extended attributes that are much larger than their table")
  }

  private func read(_ index: UInt32) throws(ImageReadError) -> [ExtendedAttribute] {
    guard Int(index) < rows.count else {
      throw .damaged(
        at: pairs.fileOffset(0), "set \(index) of extended attributes is not in the table")
    }
    let row = try row(Int(index))
    guard row.count <= Self.mostAttributes else {
      throw .damaged(
        at: pairs.fileOffset(row.reference.blockStart),
        "a file with \(row.count) extended attributes")
    }
    var cursor = try MetadataCursor(pairs, at: row.reference)
    var list: [ExtendedAttribute] = []
    var total: UInt64 = 0
    for _ in 0..<row.count {
      let attribute = try attribute(next: &cursor)
      // Linux limits only each single value, but all can refer to the same one.
      total += UInt64(attribute.name.count + attribute.value.count)
      guard budget.isPlausible(total) else { throw implausible }
      list.append(attribute)
    }
    return list
  }

  /// A set read without its values.
  struct Outline {
    var names: [[UInt8]] = []
    /// The end of the set.
    var end = MetadataReference(rawValue: 0)
    /// The size of its names and values in bytes.
    var bytes: UInt64 = 0
    /// Its size in the table in bytes, where values may be out of line.
    var storedBytes: UInt64 = 0

    /// Whether a row's size fits the set: mksquashfs writes the size of the names, each with a NUL,
    /// and the values; others the set's size in the table.
    func hasSize(_ size: UInt32) -> Bool {
      UInt64(size) == storedBytes || UInt64(size) == bytes + UInt64(names.count)
    }
  }

  func outline(_ row: Row) throws(ImageReadError) -> Outline {
    guard row.count <= Self.mostAttributes else {
      throw .damaged(
        at: pairs.fileOffset(row.reference.blockStart),
        "a file with \(row.count) extended attributes")
    }
    var cursor = try MetadataCursor(pairs, at: row.reference)
    var outline = Outline()
    for _ in 0..<row.count {
      let (name, isElsewhere, keySize) = try key(next: &cursor)
      outline.names.append(name)
      let size = try isElsewhere ? sizeOfValueElsewhere(&cursor) : sizeOfValue(&cursor)
      outline.bytes += UInt64(name.count) + UInt64(size)
      outline.storedBytes += UInt64(keySize) + 4 + (isElsewhere ? 8 : UInt64(size))
    }
    outline.end = cursor.reference
    return outline
  }

  /// Skips a value and returns its size.
  private func sizeOfValue(_ cursor: inout MetadataCursor) throws(ImageReadError) -> UInt32 {
    let size = try cursor.record(4) { $0.little(0, as: UInt32.self) }
    try check(size, cursor)
    try cursor.skip(UInt64(size))
    return size
  }

  /// Skips an out-of-line value and returns its size. Many can refer to one.
  private func sizeOfValueElsewhere(
    _ cursor: inout MetadataCursor
  ) throws(ImageReadError) -> UInt32 {
    let place = try placeOfValue(&cursor)
    if let known = valueSizes[place.rawValue] { return known }
    var value = try MetadataCursor(pairs, at: place)
    let size = try sizeOfValue(&value)
    // Each is stored once, so that together they are not larger than the table.
    valueBytes += UInt64(size)
    guard budget.isPlausible(valueBytes) else { throw implausible }
    if valueSizes.count < Self.mostValueSizes { valueSizes[place.rawValue] = size }
    return size
  }

  /// Reads a key and its value, which may be out of line.
  private func attribute(
    next cursor: inout MetadataCursor
  ) throws(ImageReadError) -> ExtendedAttribute {
    let (name, isElsewhere, _) = try key(next: &cursor)
    let value = try isElsewhere ? valueElsewhere(&cursor) : value(next: &cursor)
    return ExtendedAttribute(name: name, value: value)
  }

  func value(next cursor: inout MetadataCursor) throws(ImageReadError) -> [UInt8] {
    let size = try cursor.record(4) { $0.little(0, as: UInt32.self) }
    try check(size, cursor)
    return try cursor.bytes(Int(size))
  }

  private func valueElsewhere(_ cursor: inout MetadataCursor) throws(ImageReadError) -> [UInt8] {
    let place = try placeOfValue(&cursor)
    if let known = values[place.rawValue] { return known }
    var there = try MetadataCursor(pairs, at: place)
    let value = try value(next: &there)
    // If the cache does not hold them, each set has its own values.
    readBytes += UInt64(value.count)
    guard budget.isPlausible(readBytes) else { throw implausible }
    valueCacheBytes += value.count + 64
    if valueCacheBytes > Self.mostValuesCached {
      values.removeAll()
      valueCacheBytes = value.count + 64
    }
    values[place.rawValue] = value
    return value
  }

  /// The place of an out-of-line value.
  func placeOfValue(
    _ cursor: inout MetadataCursor
  ) throws(ImageReadError) -> MetadataReference {
    let (size, place) = try cursor.record(12) {
      ($0.little(0, as: UInt32.self), MetadataReference(rawValue: $0.little(4)))
    }
    guard size == 8 else {
      throw .damaged(at: cursor.fileOffset, "a reference of \(size) bytes to a value")
    }
    return place
  }

  func key(
    next cursor: inout MetadataCursor
  ) throws(ImageReadError) -> (name: [UInt8], isElsewhere: Bool, size: Int) {
    let (type, size) = try cursor.record(4) {
      ($0.little(0, as: UInt16.self), $0.little(2, as: UInt16.self))
    }
    guard let prefix = XattrPrefix(rawValue: type & ~XattrPrefix.outOfLineBit),
      size > 0, size <= LinuxLimits.longestXattrName
    else {
      throw .damaged(at: cursor.fileOffset, "an extended attribute of unknown kind")
    }
    let text = prefix.text
    let suffix = try cursor.bytes(Int(size))
    guard !suffix.contains(0) else {
      throw .damaged(at: cursor.fileOffset, "an extended attribute with a NUL byte in its name")
    }
    let name =
      Array(text.utf8) + suffix
    guard name.count <= LinuxLimits.longestXattrName else {
      throw .damaged(
        at: cursor.fileOffset, "an extended attribute with a name of \(name.count) bytes")
    }
    return (name, type & XattrPrefix.outOfLineBit != 0, 4 + suffix.count)
  }

  func check(_ size: UInt32, _ cursor: MetadataCursor) throws(ImageReadError) {
    guard size <= LinuxLimits.longestXattrValue else {
      throw .damaged(at: cursor.fileOffset, "an extended attribute of \(size) bytes")
    }
  }
}
