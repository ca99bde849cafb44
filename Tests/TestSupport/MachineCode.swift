/// Made-up code of several processors.
public enum MachineCode {
  /// Calls of a few functions from many places, between other bytes.
  ///
  /// - Parameters:
  ///   - processor: its name in mksquashfs.
  ///   - isLinked: otherwise all distances are zero, as in object files.
  ///   - count: of bytes.
  public static func bytes(
    for processor: String, seed: UInt64, isLinked: Bool = true, count: Int = 60_000
  ) -> [UInt8] {
    var random = SeededGenerator(seed)
    let functions = (0..<40).map { _ in Int.random(in: 0..<1 << 22, using: &random) & ~4095 }
    var bytes: [UInt8] = []
    func append(_ word: UInt32) { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
    while bytes.count < count {
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        append(UInt32.random(in: 0..<1 << 12, using: &random) &* 0x0001_0011)
      }
      let here = bytes.count
      let to = functions.randomElement(using: &random)!
      func distance(from start: Int) -> UInt32 {
        isLinked ? UInt32(truncatingIfNeeded: to - start) : 0
      }
      switch processor {
      case "x86":
        bytes.append(0xe8)
        append(distance(from: here + 5))
      case "arm": append(0xeb00_0000 | distance(from: here + 8) >> 2 & 0xff_ffff)
      case "armthumb":
        let value = distance(from: here + 4) >> 1 & 0x3f_ffff
        append((0xf800 | value & 0x7ff) << 16 | 0xf000 | value >> 11)
      case "arm64": append(0x9400_0000 | distance(from: here) >> 2 & 0x3ff_ffff)
      case "powerpc": append((0x4800_0001 | distance(from: here) & 0x3ff_fffc).byteSwapped)
      case "sparc":
        let value = UInt32(bitPattern: Int32(bitPattern: distance(from: here)) >> 2)
        append((0x4000_0000 | value & 0x3fff_ffff).byteSwapped)
      default: preconditionFailure("no code for \(processor)")
      }
    }
    return Array(bytes.prefix(count))
  }
}
