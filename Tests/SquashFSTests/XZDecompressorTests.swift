import TestSupport
import Testing

@testable import SquashFS

/// Checksums of `.xz` streams, whoever checks them.
@Suite struct XZDecompressorTests {
  private func unpack(_ stream: [UInt8]) throws(CodecError) -> [UInt8] {
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
    defer { output.deallocate() }
    let result = stream.withUnsafeBytes { stream in
      Result { () throws(CodecError) in try XZDecompressor().decompress(stream, into: output) }
    }
    let block = try result.get()
    return Array(output[..<block.count])
  }

  /// Streams with one block and with several, without content, and with each kind of checksum.
  @Test(arguments: [
    "seq 1 20000 | xz --check=crc32", "seq 1 20000 | xz --check=crc64",
    "seq 1 20000 | xz --check=sha256", "seq 1 20000 | xz --check=crc32 --block-size=4000",
    "seq 1 20000 | xz --check=crc32 -T2", "xz --check=crc32 < /dev/null",
    "printf x | xz --check=crc32", "seq 1 20000 | xz --check=crc32 --x86 --lzma2",
  ])
  func anyChangeIsFound(command: String) throws {
    let stream = try Tool.check(["sh", "-c", command]).output
    let plain = try Tool.check(["sh", "-c", "\(command) | xz -dc"]).output
    #expect(try unpack(stream) == plain)
    let step = max(1, stream.count / 150)
    for position in Array(stride(from: 0, to: stream.count, by: step))
      + (stream.count - 40..<stream.count)
    where position >= 0 {
      var changed = stream
      changed[position] ^= 0x20
      #expect(throws: CodecError.self, "byte \(position)") { try unpack(changed) }
    }
    for end in stride(from: 0, to: stream.count, by: step) {
      #expect(throws: CodecError.self, "cut at \(end)") { try unpack(Array(stream[..<end])) }
    }
  }
}
