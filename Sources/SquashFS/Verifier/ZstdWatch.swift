import Posix

/// What the kernel's lib/zstd rejects, and what its fs/squashfs/zstd_wrapper.c does not read to the
/// end.
final class ZstdWatch {
  private static let page: UInt64 = 4096

  /// The window that the kernel allocates, in bytes.
  private let window: UInt64
  private let frame = ZstdFrame()

  init(window: UInt64) { self.window = window }

  func problem(with block: BlockWatch.Block) -> KernelProblem? {
    let layout: ZstdFrame.Layout
    do throws(ZstdFrame.Damage) { layout = try frame.check(block.bytes) } catch {
      return .damage(error.text)
    }
    let header = layout.header
    if !hasMemory(for: header) {
      return .allKernels(
        "zstd blocks need a window of \(header.window) bytes, but the kernel has \(window)")
    }
    // The kernel reads and writes page by page. If all pages of the content are full and the frame
    // still lacks bytes in the next page, it gives up.
    let isFull = block.unpackedSize > 0 && block.unpackedSize == block.room
    if isFull, UInt64(block.room) % Self.page == 0,
      Self.canLieApart(layout.contentEnd, block.bytes.count, from: block.start)
    {
      let what = header.hasChecksum ? "checksum" : "end"
      return .allKernels(
        "a zstd block's \(what) crosses a page boundary, which the kernel fails to read")
    }
    return nil
  }

  /// Whether the content and the frame end in different pages.
  private static func canLieApart(_ contentEnd: Int, _ end: Int, from start: UInt64?) -> Bool {
    guard let start else { return contentEnd != end }
    return (start &+ UInt64(contentEnd) &- 1) / page != (start &+ UInt64(end) &- 1) / page
  }

  /// Whether a frame fits into the memory set aside for one with a window of the image's block
  /// size: a stored block, and its unpacked form, which takes the window and a block.
  private func hasMemory(for header: ZstdFrame.Header) -> Bool {
    func needed(_ window: UInt64, _ content: UInt64) -> UInt64 {
      let block = min(window, UInt64(ZstdFrame.largestBlock))
      return block + min(content, window + block)
    }
    return header.window <= 128 << 20
      && needed(header.window, header.contentSize ?? .max) <= needed(window, .max)
  }
}
