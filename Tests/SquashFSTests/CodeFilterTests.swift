import Foundation
import Glibc
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Which blocks get a filter for machine code, and that liblzma takes it off again.
@Suite struct CodeFilterTests {
  private func shape(of block: [UInt8], _ filters: CodeFilters) -> BlockShape {
    let probe = BlockProbe(blockSize: 131_072, filters: filters)
    return block.withUnsafeBytes { probe.shape(of: $0) }
  }

  private func pack(_ block: [UInt8], _ shape: BlockShape, level: Int = 6) throws -> [UInt8] {
    let codec = try XZCompressor(level: level, dictionarySize: 131_072)
    var output = [UInt8](repeating: 0, count: block.count + 4096)
    let count = try output.withUnsafeMutableBytes { output in
      try block.withUnsafeBytes { try codec.compress($0, shape: shape, into: output) }
    }
    return Array(output.prefix(try #require(count)))
  }

  @Test(arguments: CodeFilters.writable.known, [6, 0, 9] as [Int])
  func codeGetsTheFilterOfItsProcessor(filter: CodeFilter, level: Int) throws {
    let folder = try TemporaryFolder()
    for seed in 1...(level == 6 ? 20 : 2) as ClosedRange<UInt64> {
      let block = MachineCode.bytes(for: filter.name, seed: seed, count: 40_000 + Int(seed) * 4_001)
      var shape = shape(of: block, .writable)
      #expect(shape.filter == filter, "seed \(seed)")
      let filtered = try pack(block, shape, level: level)
      try folder.write("block.xz", filtered)
      let listed = try Tool.check(["xz", "-lvv", "block.xz"], in: folder.root).text
      #expect(listed.contains("--\(filter.name) --lzma2"), "\(listed)")
      #expect(try Tool.check(["xz", "-dc", "block.xz"], in: folder.root).output == block)
      shape.filter = nil
      #expect(filtered.count < (try pack(block, shape, level: level).count), "seed \(seed)")
    }
  }

  @Test(arguments: CodeFilters.writable.known)
  func codeThatIsStillToBeLinkedGetsNone(filter: CodeFilter) {
    for seed in 1...20 as ClosedRange<UInt64> {
      #expect(
        shape(of: MachineCode.bytes(for: filter.name, seed: seed, isLinked: false), .writable)
          .filter == nil)
    }
  }

  @Test func codeOfOtherProcessorsGetsNone() {
    for filter in CodeFilters.writable.known {
      let others = CodeFilters.writable.subtracting(CodeFilters(filter))
      for seed in 1...20 as ClosedRange<UInt64> {
        #expect(
          shape(of: MachineCode.bytes(for: filter.name, seed: seed), others).filter == nil,
          "\(filter) \(seed)")
      }
      #expect(shape(of: MachineCode.bytes(for: filter.name, seed: 1), []).filter == nil)
    }
  }

  /// Data that has the opcodes' bytes in it, but no calls.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func otherDataGetsNone(seed: UInt64) {
    var random = SeededGenerator(seed)
    let few: [UInt8] = [0xe8, 0, 0xff, 0xe9, 0xeb, 0x94, 0xf0, 0xf8, 0x48, 0x40, 1]
    let blocks: [[UInt8]] = [
      (0..<131_072).map { _ in few.randomElement(using: &random)! },
      (0..<131_072).map { _ in UInt8.random(in: 0...255, using: &random) },
      [UInt8](repeating: 0xe8, count: 131_072),
      (0..<131_072).map { few[$0 % (2 + Int(seed) % 9)] },
      Array((0..<30_000).map { "\($0 * Int(seed))\n" }.joined().utf8.prefix(131_072)),
      (0..<32_768).flatMap { [0xe8, UInt8($0 & 7), 0, UInt8($0 >> 8)] },
    ]
    for (number, block) in blocks.enumerated() {
      #expect(shape(of: block, .writable).filter == nil, "block \(number)")
    }
  }

  /// A program's own code, in whole blocks and behind other files in a fragment block.
  @Test func realProgramsGetSmaller() throws {
    #if arch(x86_64)
      let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/bin/bash")))
      var saved = 0
      for start in stride(from: 0, to: program.count - 65_536, by: 131_072) {
        let text = [UInt8](repeating: 0x20, count: 3001)
        let block = text + program[start..<min(start + 120_000, program.count)]
        var shape = shape(of: block, CodeFilters(.x86))
        guard shape.filter != nil else { continue }
        let with = try pack(block, shape).count
        shape.filter = nil
        saved += try pack(block, shape).count - with
      }
      #expect(saved > program.count / 200)
    #endif
  }
}
