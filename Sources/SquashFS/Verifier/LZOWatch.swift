/// What the kernel's lib/lzo rejects: an end mark that copies a number of bytes other than three,
/// which the library does not check.
///
/// Layout: Linux, Documentation/staging/lzo.rst.
enum LZOWatch {
  /// - Parameter block: a block that unpacks without error; its instructions are traced.
  static func problem(with block: UnsafeRawBufferPointer) -> KernelProblem? {
    let damage = KernelProblem.damage("has a wrong lzo end mark")
    var position = 0
    func next() -> Int {
      defer { position += 1 }
      return position < block.count ? Int(block[position]) : 0
    }
    /// A length too large for its instruction's bits continues in bytes.
    func length(_ bits: Int, _ least: Int) -> Int {
      guard bits == 0 else { return bits + least }
      var length = least
      while position < block.count, block[position] == 0 {
        length += 255
        position += 1
      }
      return length + next()
    }
    // Up to three literals after an instruction; longer runs have an instruction of their own.
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
