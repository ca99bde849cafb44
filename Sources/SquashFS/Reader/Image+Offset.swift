internal import SquashFSFormat

extension ImageInput {
  /// Finds the first image in a file that has something else before it, such as an AppImage or a
  /// SIF container.
  ///
  /// - Returns: where the image starts, `nil` where there is none.
  public static func findImage(in path: [UInt8]) throws(ImageReadError) -> UInt64? {
    let input = try ImageInput(path: path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var position: UInt64 = 0
    while true {
      let count = try input.readSome(buffer, at: position)
      guard count >= Superblock.byteCount else { return nil }
      // Each place is looked at with a whole superblock in the buffer.
      let last = count - Superblock.byteCount
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      for offset in 0...last where bytes[offset] == 0x68 {
        guard bytes.little(offset, as: UInt32.self) == Superblock.magic else { continue }
        let candidate = UnsafeRawBufferPointer(
          rebasing: bytes[offset..<offset + Superblock.byteCount])
        let rest = input.length - position - UInt64(offset)
        if let superblock = try? Superblock(parsing: candidate), superblock.bytesUsed <= rest,
          superblock.inodeTable < superblock.directoryTable,
          superblock.directoryTable < superblock.bytesUsed
        {
          return position + UInt64(offset)
        }
      }
      position += UInt64(last + 1)
    }
  }
}
