/// What the kernel's lib/lzo does not take: a mark at the end that copies another number of bytes
/// than three, which the library does not look at.
///
/// Layout: Linux, Documentation/staging/lzo.rst.
enum LZOWatch {
  /// - Parameter block: one that unpacks without error; goes along its instructions.
  static func problem(with block: UnsafeRawBufferPointer) -> KernelProblem? {
    let damage = KernelProblem.damage("has an lzo end mark that is not what it must be")
    var position = 0
    func next() -> Int {
      defer { position += 1 }
      return position < block.count ? Int(block[position]) : 0
    }
    /// A length that does not fit into its instruction's bits goes on in bytes.
    func length(_ bits: Int, _ least: Int) -> Int {
      guard bits == 0 else { return bits + least }
      var length = least
      while position < block.count, block[position] == 0 {
        length += 255
        position += 1
      }
      return length + next()
    }
    // Literals that come after an instruction, up to three; more with an instruction of their own.
    var literals = 0
    if let first = block.first, first > 17 {
      position = 1 + Int(first) - 17
      literals = min(4, Int(first) - 17)
    }
    while position < block.count {
      let instruction = next()
      switch instruction {
      case 0..<16 where literals == 0:
        let count = length(instruction, instruction == 0 ? 18 : 3)
        position += count
        literals = 4
        continue
      case 0..<16:
        position += 1
        literals = instruction & 3
      case 16..<64:
        let mask = instruction < 32 ? 7 : 31
        let bits = instruction & mask
        let count = length(bits, bits == 0 ? mask + 2 : 2)
        let distance = next() | next() << 8
        if instruction < 32, distance >> 2 == 0, instruction & 8 == 0 {
          return count == 3 && position == block.count ? nil : damage
        }
        literals = distance & 3
      default:
        position += 1
        literals = instruction & 3
      }
      position += literals
    }
    return damage
  }
}
