import SquashFSFormat

/// Finds the image in a file with something else before it, such as an AppImage or a SIF
/// container.
package struct ImageSearch {
  /// Where an image starts whose root directory can be read.
  private var whole: UInt64?
  /// The start of an image with a plausible superblock, for a true message about its damage.
  private var damaged: UInt64?
  /// An image in another format.
  private var foreign: (format: ForeignFormat, start: UInt64)?
  private var tries = 0

  /// - Parameter limit: how many bytes of the file to search.
  /// - Returns: the start of the first image that can be opened, or else of the first damaged one.
  /// - Throws: `ImageReadError` if there is none; it mentions an image that Linux cannot read.
  package static func findImage(
    in source: any ByteSource, within limit: UInt64 = .max
  ) throws(ImageReadError) -> UInt64 {
    var search = ImageSearch()
    try search.run(source, limit)
    if let found = search.whole ?? search.damaged { return found }
    if let foreign = search.foreign { throw ImageReadError(foreign.format, at: foreign.start) }
    throw ImageReadError(.notAnImage, "this file contains no SquashFS image")
  }

  private mutating func run(
    _ source: any ByteSource, _ limit: UInt64
  ) throws(ImageReadError) {
    let input = try ImageInput(source)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var position: UInt64 = 0
    while position < limit {
      let count = try input.readSome(buffer, at: position)
      guard count >= Superblock.byteCount else { return }
      // Check each position with a whole superblock in the buffer.
      let last = count - Superblock.byteCount
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      for offset in 0...last where ForeignFormat.canBegin(with: bytes[offset]) {
        let start = UnsafeRawBufferPointer(
          rebasing: bytes[offset..<offset + Superblock.byteCount])
        try look(at: start, position + UInt64(offset), source)
        if whole != nil || tries == EffortBudget.mostStarts { return }
      }
      position += UInt64(last + 1)
    }
  }

  /// Checks a possible superblock.
  private mutating func look(
    at bytes: UnsafeRawBufferPointer, _ start: UInt64, _ source: any ByteSource
  ) throws(ImageReadError) {
    guard bytes.little(0, as: UInt32.self) == Superblock.magic,
      let superblock = try? Superblock(parsing: bytes.bytes)
    else {
      if foreign == nil, let format = ForeignFormat(parsing: bytes.bytes, isSure: false) {
        foreign = (format, start)
      }
      return
    }
    // Programs that read images contain the magic number, and so do images inside images.
    guard superblock.inodeTable < superblock.bytesUsed,
      superblock.directoryTable < superblock.bytesUsed
    else { return }
    tries += 1
    if (try? RootDirectory(of: ImageInput(source, base: start))) != nil {
      whole = start
    } else {
      damaged = damaged ?? start
    }
  }
}
