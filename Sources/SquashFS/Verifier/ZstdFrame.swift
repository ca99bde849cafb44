import SquashFSFormat

/// Traces a Zstandard frame that the library has unpacked, and reports violations of the format.
/// Linux refuses such a frame; libraries, depending on their age, do not.
///
/// Compressed bits are decoded, because they must be used up exactly, but nothing is copied.
///
/// Layout: RFC 8878, section 3.1.1.
final class ZstdFrame {
  /// The contents of the header.
  struct Header {
    /// The number of bytes before the first block.
    var byteCount: Int
    /// In bytes.
    var window: UInt64
    /// The unpacked size, if the frame gives it.
    var contentSize: UInt64?
    var hasChecksum: Bool
    /// The most bytes in a block, packed or not.
    var largestBlock: Int { Int(min(window, UInt64(ZstdFrame.largestBlock))) }
  }

  /// The positions of the frame's parts.
  struct Layout {
    var header: Header
    /// The end of the last block that has content.
    var contentEnd: Int
  }

  /// What is wrong: the end of a message "a zstd block ".
  struct Damage: Error {
    var text: String
  }

  static let magic: UInt32 = 0xFD2F_B528
  static let largestBlock = 128 << 10

  private let literals = ZstdLiterals()
  private let sequences = ZstdSequences()

  /// - Parameter frame: exactly one frame.
  func check(_ frame: UnsafeRawBufferPointer) throws(Damage) -> Layout {
    let header = try Self.header(of: frame)
    literals.reset()
    sequences.reset(window: header.window)
    var layout = Layout(header: header, contentEnd: header.byteCount)
    var position = header.byteCount
    var isLast = false
    while !isLast {
      guard frame.count - position >= 3 else { throw Self.cut }
      let word =
        Int(frame[position]) | Int(frame[position + 1]) << 8 | Int(frame[position + 2]) << 16
      position += 3
      isLast = word & 1 != 0
      let size = word >> 3
      guard size <= header.largestBlock else { throw Self.tooLarge }
      let type = word >> 1 & 3
      let stored = type == 1 ? 1 : size
      guard frame.count - position >= stored else { throw Self.cut }
      let payload = UnsafeRawBufferPointer(rebasing: frame[position..<position + stored])
      position += stored
      let count = type == 2 ? try compressed(payload, header) : size
      if count > 0 { layout.contentEnd = position }
    }
    return layout
  }

  private static let cut = Damage(text: "ends too early")
  private static let tooLarge = Damage(text: "has a part that is larger than its window")

  private static func header(of frame: UnsafeRawBufferPointer) throws(Damage) -> Header {
    guard frame.count >= 6 else { throw cut }
    guard frame.little(0, as: UInt32.self) == magic else {
      throw Damage(text: "has the magic number of another format")
    }
    let descriptor = frame[4]
    let isSingle = descriptor & 0x20 != 0
    var position = 5
    var window: UInt64 = 0
    if !isSingle {
      let exponent = UInt64(frame[5] >> 3)
      let base: UInt64 = 1 << (10 + exponent)
      window = base + base / 8 * UInt64(frame[5] & 7)
      position += 1
    }
    position += [0, 1, 2, 4][Int(descriptor & 3)]
    let sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    guard frame.count >= position + sizeBytes else { throw cut }
    var size: UInt64 = 0
    for index in 0..<sizeBytes { size |= UInt64(frame[position + index]) << UInt64(8 * index) }
    if sizeBytes == 2 { size += 256 }
    if isSingle { window = size }
    return Header(
      byteCount: position + sizeBytes, window: window, contentSize: sizeBytes > 0 ? size : nil,
      hasChecksum: descriptor & 4 != 0)
  }

  /// - Returns: the unpacked size of a compressed block in bytes.
  private func compressed(
    _ block: UnsafeRawBufferPointer, _ header: Header
  ) throws(Damage) -> Int {
    let (literal, end) = try literals.check(block)
    guard literal <= header.largestBlock else { throw Self.tooLarge }
    let copied = try sequences.check(UnsafeRawBufferPointer(rebasing: block[end...]))
    guard literal + copied <= header.largestBlock else { throw Self.tooLarge }
    return literal + copied
  }
}
