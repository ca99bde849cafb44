import SquashFSFormat

/// What the kernel's lib/xz rejects: any check but CRC32, and any filters but LZMA2, with one for
/// machine code before it.
///
/// Layout: The .xz File Format, sections 2.1 and 3.1.
struct XZWatch {
  /// The dictionary that the kernel allocates, in bytes.
  let dictionary: UInt64

  private static let cut = KernelProblem.allKernels("an xz block's header is cut")

  /// - Parameter stream: exactly one stream that liblzma has unpacked.
  func problem(with stream: UnsafeRawBufferPointer) -> KernelProblem? {
    guard stream.count >= 32 else { return Self.cut }
    let check = stream[7] & 0xf
    guard check <= 1 else {
      return .allKernels("xz blocks have check number \(check), but the kernel knows only CRC32")
    }
    // The stream's blocks, according to its index. Most streams have one.
    let indexSize = (Int(stream.little(stream.count - 8, as: UInt32.self)) + 1) * 4
    let index = stream.count - 12 - indexSize
    guard index >= 12 else { return Self.cut }
    var numbers = XZNumbers(stream, index + 1..<stream.count - 16)
    guard let count = numbers.next() else { return Self.cut }
    var start = 12
    var problem: KernelProblem?
    for _ in 0..<count {
      guard let size = numbers.next(), numbers.next() != nil, start < index,
        size <= UInt64(index - start)
      else { return Self.cut }
      switch self.problem(withBlockAt: start, stream) {
      case nil: break
      case .olderKernels(let text): problem = .olderKernels(text)
      case let found: return found
      }
      start += (Int(size) + 3) & ~3
    }
    return problem
  }

  /// Whether a stream has one block, with this filter for machine code.
  ///
  /// - Parameter stream: one without a `problem`.
  static func hasOneBlock(_ stream: UnsafeRawBufferPointer, filter: CodeFilter?) -> Bool {
    // An indicator of 0 begins the index, then comes the number of blocks.
    let indexSize = (Int(stream.little(stream.count - 8, as: UInt32.self)) + 1) * 4
    let index = stream.count - 12 - indexSize
    guard index >= 12, stream[index + 1] == 1 else { return false }
    let flags = stream[13]
    guard flags & 3 > 0 else { return filter == nil }
    var numbers = XZNumbers(stream, 14..<min(stream.count, 12 + (Int(stream[12]) + 1) * 4))
    if flags & 0x40 != 0 { _ = numbers.next() }
    if flags & 0x80 != 0 { _ = numbers.next() }
    return numbers.next() == filter?.id
  }

  private func problem(
    withBlockAt start: Int, _ stream: UnsafeRawBufferPointer
  ) -> KernelProblem? {
    let headerSize = (Int(stream[start]) + 1) * 4
    guard headerSize <= stream.count - start else { return Self.cut }
    let end = start + headerSize
    let flags = stream[start + 1]
    var numbers = XZNumbers(stream, start + 2..<end)
    if flags & 0x40 != 0 && numbers.next() == nil { return Self.cut }
    if flags & 0x80 != 0 && numbers.next() == nil { return Self.cut }
    guard flags & 3 <= 1 else {
      return .allKernels("xz blocks with \(flags & 3 + 1) filters, but the kernel takes two")
    }
    var problem: KernelProblem?
    for _ in 0...(flags & 3) {
      guard let id = numbers.next(), let size = numbers.next(),
        size <= UInt64(end - numbers.position)
      else { return Self.cut }
      switch id {
      case 0x21:
        guard size == 1 else { return Self.cut }
        let bits = stream[numbers.position] & 0x3f
        let needed = bits >= 40 ? .max : (2 | UInt64(bits & 1)) << UInt64(bits / 2 + 11)
        guard needed <= dictionary else {
          return .allKernels(
            "xz blocks need a dictionary of \(needed) bytes, but the kernel has \(dictionary)")
        }
      default:
        guard let filter = CodeFilter(id: id) else {
          return .allKernels("xz filter number \(id), which the kernel does not know")
        }
        if filter.isObsolete {
          return .allKernels("the xz filter \(filter.name), which Linux no longer has")
        }
        if size > 0 { return .allKernels("an xz filter with an offset") }
        if let kernel = filter.firstKernel {
          problem = .olderKernels("the xz filter \(filter.name), which needs \(kernel)")
        }
      }
      numbers.position += Int(size)
    }
    return problem
  }
}

/// Variable-length numbers: The .xz File Format, section 1.2.
private struct XZNumbers {
  private let bytes: UnsafeRawBufferPointer
  private let end: Int
  var position: Int

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  mutating func next() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end, shift < 63 {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }
}
