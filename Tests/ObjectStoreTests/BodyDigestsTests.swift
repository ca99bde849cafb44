import HTTP
import Testing

@testable import ObjectStore

@Suite struct BodyDigestsTests {
  /// The check value of the catalogue of CRCs, and those of the NVM Command Set Specification for 4 KiB.
  @Test(
    arguments: [
      (Array("123456789".utf8), 0xae8b_1486_0a79_9888), ([], 0),
      ([UInt8](repeating: 0, count: 4096), 0x6482_d367_eb22_b64e),
      ([UInt8](repeating: 0xff, count: 4096), 0xc0dd_ba73_02ec_a3ac),
      ((0..<4096).map { UInt8(truncatingIfNeeded: $0) }, 0x3e72_9f5f_6750_449c),
    ] as [([UInt8], UInt64)])
  func checksums_are_the_known_ones(_ bytes: [UInt8], _ value: UInt64) throws {
    #expect(try BodyDigests(of: HTTPBody(bytes)).crc64.value == value)
  }

  @Test func the_checksum_of_parts_is_that_of_the_whole() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    let whole = try BodyDigests(of: HTTPBody(bytes)).crc64
    for cuts in [[0, 1], [99_999], [8, 4096, 70_001], [50_000, 50_000]] {
      var joined = CRC64NVME()
      for (start, end) in zip([0] + cuts, cuts + [bytes.count]) {
        joined.append(try BodyDigests(of: HTTPBody(Array(bytes[start..<end]))).crc64)
      }
      #expect(joined == whole)
    }
  }

  @Test func digests_are_the_known_ones() throws {
    let digests = try BodyDigests(of: HTTPBody(Array("abc".utf8)))
    #expect(Base64.encode(digests.md5) == "kAFQmDzST7DWlj99KOF/cg==")
    #expect(Base64.encode(digests.sha256) == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
    #expect(digests.sha256 == SHA256.digest(of: Array("abc".utf8)))
  }

  @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")])
  func base64(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
  }

  @Test(
    arguments: [
      (0, 8 << 20), (70 << 30, 12 << 20), (1 << 40, 175 << 20), (UInt64.max, 5 << 30),
    ] as [(UInt64, Int)])
  func parts_are_large_enough(_ estimate: UInt64, _ size: Int) {
    #expect(PartSize.forObject(of: estimate) == size)
  }
}
