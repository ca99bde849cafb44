package import SquashFSFormat

extension Image {
  /// Where the data of an access order is, if the image was packed with one and says so.
  package var orderMark: OrderMark? {
    let used = superblock.bytesUsed
    guard let place = OrderMark.place(behind: used) else { return nil }
    var bytes = [UInt8](repeating: 0, count: OrderMark.byteCount)
    let count = bytes.withUnsafeMutableBytes { (try? input.readSome($0, at: place)) ?? 0 }
    guard count == bytes.count else { return nil }
    return OrderMark(parsing: bytes.span.bytes, imageEnd: used)
  }
}
