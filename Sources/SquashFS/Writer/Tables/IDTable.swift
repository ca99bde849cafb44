/// The distinct user and group ids of an image; inodes hold their row numbers.
struct IDTable {
  private(set) var ids: [UInt32] = []
  private var rows: [UInt32: UInt16] = [:]

  /// The row of `id`.
  ///
  /// - Throws: `ImageError.tooManyIDs` at the 65,536th distinct id.
  mutating func row(of id: UInt32) throws(ImageError) -> UInt16 {
    if let row = rows[id] { return row }
    guard ids.count < Int(UInt16.max) else { throw .tooManyIDs }
    let row = UInt16(ids.count)
    ids.append(id)
    rows[id] = row
    return row
  }
}
