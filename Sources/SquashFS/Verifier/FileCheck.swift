import Posix
import SquashFSFormat

/// Checks the superblock against the file, and the bytes after the image.
struct FileCheck {
  private let image: Image
  private let list: FindingList

  init(_ image: Image, _ list: FindingList) {
    self.image = image
    self.list = list
  }

  func run() {
    checkFlags()
    checkOptions()
    checkTrailing()
  }

  /// Compares the size of the image with the file's.
  static func checkEnd(_ superblock: Superblock, _ input: ImageInput, _ list: FindingList) {
    let (used, length, base) = (superblock.bytesUsed, input.length, input.base)
    if used > length {
      let missing = used - length
      list.add(
        Finding(
          .error, .truncated, offset: base + length,
          "will not mount: the file is \(missing.counted("byte")) short; "
            + "copy or upload it again"))
    } else if used > length / Superblock.deviceBlock * Superblock.deviceBlock {
      let missing = Superblock.deviceBlock - length % Superblock.deviceBlock
      list.add(
        Finding(
          .error, .padding, offset: base + length,
          "will not mount: the file does not end with a whole block of 1,024 bytes; append "
            + "\(missing.counted("zero byte")) (truncate -s %4096 FILE)"))
    } else if length % 4096 != 0 && base == 0 {
      list.add(
        Finding(
          .note, .padding, offset: base + length,
          "the file's length is not a multiple of 4 KiB, as some loop devices need"))
    }
  }

  /// For a file that is not an image: cannot tell whether a copy was cut, but zeros suggest it.
  static func checkLength(of input: ImageInput, _ list: FindingList) {
    if input.length < UInt64(Superblock.byteCount) { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    defer { buffer.deallocate() }
    guard let count = try? input.readSome(buffer, at: 0) else { return }
    if buffer[..<count].allSatisfy({ $0 == 0 }) && UInt64(count) < input.length {
      list.add(
        Finding(
          .note, .superblock, offset: input.base,
          "the first \(count) bytes are zeros, as after an unfinished download"))
    }
  }

  private func checkFlags() {
    let superblock = image.superblock
    func warn(_ message: String) {
      list.add(Finding(.warning, .flags, offset: image.input.base + 24, message))
    }
    let unknown = superblock.flags.subtracting(.known)
    if !unknown.isEmpty {
      warn("unknown flags \(String(unknown.rawValue, radix: 16)) (hexadecimal) are set")
    }
    if superblock.flags.contains(.check) {
      warn("the obsolete check flag is set: unsquashfs 4.5 and 7-Zip do not read such an image")
    }
    let hasExports = superblock.exportTable != Superblock.noTable
    if superblock.flags.contains(.exportable) != hasExports {
      warn("the flag for an export table is wrong: there is \(hasExports ? "one" : "none")")
    }
    if superblock.flags.contains(.noXattrs), superblock.xattrTable != Superblock.noTable,
      image.xattrs.map({ $0.rows.count > 0 }) ?? false
    {
      warn("the flag for no extended attributes is set, but there are some")
    }
    if superblock.flags.contains(.noFragments) && superblock.fragmentCount > 0 {
      warn(
        "the flag for no fragments is set, but there are \(superblock.fragmentCount): rdsquashfs gives up"
      )
    }
  }

  /// Checks what the kernel's decompressors require of the options.
  private func checkOptions() {
    let offset = image.input.base + UInt64(Superblock.byteCount)
    switch (image.superblock.compressor, image.compressorOptions) {
    case (.lzma, _):
      list.add(
        .allKernels("no kernel reads the old lzma compression; pack it again with xz"),
        offset: offset)
    case (.lz4, nil):
      list.add(.allKernels("an lz4 image needs the compressor's options"), offset: offset)
    case (.lz4, .lz4(let version, _)):
      if version != 1 { list.add(.allKernels("lz4 version \(version) is not 1"), offset: offset) }
    case (_, .xz(let dictionary, _)):
      let isPower = dictionary.nonzeroBitCount == 1
      let isSum =
        dictionary.nonzeroBitCount == 2
        && dictionary >> UInt32(dictionary.trailingZeroBitCount) == 3
      if dictionary == 0 || !(isPower || isSum) {
        list.add(
          .allKernels(
            "an xz dictionary of \(dictionary.counted("byte")) is neither a power of two nor one and a half"
          ),
          offset: offset)
      }
      let needed = UInt32(max(image.superblock.blockSize.byteCount, MetadataBlock.byteCount))
      if dictionary > needed {
        list.add(
          Finding(
            .warning, .kernel, offset: offset,
            "Linux allocates \(dictionary.counted("byte")) for an xz dictionary on every "
              + "mount; \(needed.grouped) would be enough"))
      }
    case (_, .gzip(let level, let window, _)):
      if !(1...9).contains(level) || !(8...15).contains(window) {
        list.add(
          Finding(
            .warning, .kernel, offset: offset,
            "gzip level \(level) with a window of \(window) bits makes no sense"))
      }
    default: break
    }
  }

  private func checkTrailing() {
    let (used, length) = (image.superblock.bytesUsed, image.input.length)
    guard length > used else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    defer { buffer.deallocate() }
    var position = used
    let mark = image.orderMark == nil ? nil : OrderMark.place(behind: used)
    // More than any padding; later bytes are counted, not read.
    let end = min(length, used + (64 << 20))
    while position < end {
      let wanted = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<Int(min(UInt64(buffer.count), end - position))])
      guard let count = try? image.input.readSome(wanted, at: position), count > 0 else { return }
      // The mark lies in the first part.
      if let mark, position == used {
        let place = Int(mark - used)
        for index in place..<min(place + OrderMark.byteCount, count) { buffer[index] = 0 }
      }
      if let index = buffer[..<count].firstIndex(where: { $0 != 0 }) {
        list.add(
          Finding(
            .warning, .trailing, offset: image.input.base + position + UInt64(index),
            "the \((length - used).counted("byte")) after the image's end are not all zero: something was appended, "
              + "or a larger image was overwritten"))
        return
      }
      position += UInt64(count)
    }
    if length - used > 1 << 20 {
      list.add(
        Finding(
          .note, .trailing, offset: image.input.base + used,
          "\((length - used).counted("zero byte")) after the image's end"))
    }
  }
}
