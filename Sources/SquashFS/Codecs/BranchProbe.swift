package import SquashFSFormat

/// Finds blocks of machine code for which a filter pays.
///
/// A filter replaces the distance in each call by the address of the function. So it pays where the
/// same addresses are called again and again from different places, and that can be counted: how
/// often an address was called before, against how often a distance was. The count needs no header
/// of a program, so it also works in archives of object files and in fragment blocks. There it says
/// no, rightly, where calls are still to be linked and all distances are zero.
final class BranchProbe {
  private static let slotCount = 1 << 13
  /// The latest address, and the latest distance, of each hash.
  private let addresses = UnsafeMutablePointer<UInt32>.allocate(capacity: slotCount)
  private let distances = UnsafeMutablePointer<UInt32>.allocate(capacity: slotCount)
  private var repeatedAddresses = 0
  private var repeatedDistances = 0
  private let filters: [CodeFilter]

  /// How many more addresses than distances must repeat in a block.
  private static let leastGain = 20

  /// - Parameter filters: the filters to choose from.
  init(_ filters: CodeFilters) { self.filters = filters.known }

  deinit {
    addresses.deallocate()
    distances.deallocate()
  }

  /// The filter that pays most for a block; `nil` if none does.
  func filter(for block: UnsafeRawBufferPointer) -> CodeFilter? {
    var best: CodeFilter?
    var most = Self.leastGain
    for filter in filters {
      addresses.update(repeating: 0, count: Self.slotCount)
      distances.update(repeating: 0, count: Self.slotCount)
      repeatedAddresses = 0
      repeatedDistances = 0
      scan(block, filter)
      let gain = repeatedAddresses - repeatedDistances
      // A small majority is not worth the bytes that the filter changes for the worse.
      if gain > most, 2 * repeatedAddresses > 3 * repeatedDistances {
        most = gain
        best = filter
      }
    }
    return best
  }

  private func note(address: UInt32, distance: UInt32) {
    let first = Self.slot(of: address)
    if addresses[first] == address { repeatedAddresses += 1 } else { addresses[first] = address }
    let second = Self.slot(of: distance)
    if distances[second] == distance {
      repeatedDistances += 1
    } else {
      distances[second] = distance
    }
  }

  private static func slot(of value: UInt32) -> Int { Int((value &* 0x9e37_79b1) >> 19) }

  /// Notes the calls in a block, as the filter of a processor recognises them.
  private func scan(_ block: UnsafeRawBufferPointer, _ filter: CodeFilter) {
    switch filter {
    case .x86: scanX86(block)
    case .armthumb: scanThumb(block)
    case .arm:
      scanWords(block) { word, offset in
        // BL: the distance in words from two instructions ahead.
        guard word >> 24 == 0xeb else { return }
        let distance = word & 0xff_ffff
        self.note(address: (distance &+ offset / 4 &+ 2) & 0xff_ffff, distance: distance)
      }
    case .arm64:
      scanWords(block) { word, offset in
        if word >> 26 == 0x25 {  // BL: the distance in words
          let distance = word & 0x3ff_ffff
          self.note(address: (distance &+ offset / 4) & 0x3ff_ffff, distance: distance)
        } else if word & 0x9f00_0000 == 0x9000_0000 {  // ADRP: the distance in pages
          let distance = word >> 29 & 3 | word >> 3 & 0x1f_fffc
          guard (distance &+ 0x2_0000) & 0x1c_0000 == 0 else { return }
          self.note(address: (distance &+ offset >> 12) & 0x1f_ffff, distance: distance)
        }
      }
    case .powerpc:
      scanWords(block) { word, offset in
        // bl: the distance in bytes, of which the last two bits are flags.
        let word = word.byteSwapped
        guard word >> 26 == 0x12, word & 3 == 1 else { return }
        let distance = word & 0x3ff_fffc
        self.note(address: (distance &+ offset) & 0x3ff_fffc, distance: distance)
      }
    case .sparc:
      scanWords(block) { word, offset in
        // call: the distance in words, within 16 MiB.
        let word = word.byteSwapped
        guard word >> 22 == 0x100 || word >> 22 == 0x1ff else { return }
        let distance = word & 0x3fff_ffff
        self.note(address: (distance &+ offset / 4) & 0x3fff_ffff, distance: distance)
      }
    case .ia64, .riscv: break  // never offered: see CodeFilters.writable
    }
  }

  private func scanX86(_ block: UnsafeRawBufferPointer) {
    guard let base = block.baseAddress else { return }
    let end = block.count - 4
    var offset = 0
    // CALL and JMP, four bytes of distance from the next instruction, less than 16 MiB away.
    func look(at offset: Int) {
      guard block[offset] & 0xfe == 0xe8 else { return }
      let distance = UInt32(
        littleEndian: base.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self))
      guard distance >> 24 == 0 || distance >> 24 == 0xff else { return }
      note(address: distance &+ UInt32(truncatingIfNeeded: offset + 5), distance: distance)
    }
    while offset + 8 <= end {
      let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      // Zero where a byte is an opcode; the usual test whether any byte of a word is zero.
      let differences = word & 0xfefe_fefe_fefe_fefe ^ 0xe8e8_e8e8_e8e8_e8e8
      if (differences &- 0x0101_0101_0101_0101) & ~differences & 0x8080_8080_8080_8080 != 0 {
        for place in offset..<offset + 8 { look(at: place) }
      }
      offset += 8
    }
    while offset < end {
      look(at: offset)
      offset += 1
    }
  }

  private func scanThumb(_ block: UnsafeRawBufferPointer) {
    var offset = 0
    while offset + 4 <= block.count {
      // BL in two halves of 11 bits; the distance in half words from two instructions ahead.
      if block[offset + 1] & 0xf8 == 0xf0, block[offset + 3] & 0xf8 == 0xf8 {
        let high = UInt32(block[offset + 1] & 7) << 8 | UInt32(block[offset])
        let low = UInt32(block[offset + 3] & 7) << 8 | UInt32(block[offset + 2])
        let distance = high << 11 | low
        note(
          address: (distance &+ UInt32(offset / 2) &+ 2) & 0x3f_ffff, distance: distance)
        offset += 2
      }
      offset += 2
    }
  }

  /// - Parameter body: gets each aligned word of four bytes, little-endian, and its offset.
  private func scanWords(_ block: UnsafeRawBufferPointer, _ body: (UInt32, UInt32) -> Void) {
    guard let base = block.baseAddress else { return }
    for offset in stride(from: 0, through: block.count - 4, by: 4) {
      body(
        UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
        UInt32(truncatingIfNeeded: offset))
    }
  }
}

extension CodeFilters {
  /// The filters that `pack` can use: those that some kernel has and that liblzma has had for long.
  package static let writable: CodeFilters = [
    CodeFilters(.x86), CodeFilters(.powerpc), CodeFilters(.arm), CodeFilters(.armthumb),
    CodeFilters(.sparc), CodeFilters(.arm64),
  ]
}
