import CChecksums

/// CRC-64/NVME, the checksum that S3 keeps of a whole object.
struct CRC64NVME: Equatable, Sendable {
  private(set) var value: UInt64 = 0
  private(set) var count: UInt64 = 0

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    value = cchecksums_crc64nvme(value, bytes.baseAddress, bytes.count)
    count += UInt64(bytes.count)
  }

  /// Appends what another value stands for, in O(log n).
  mutating func append(_ other: CRC64NVME) {
    value = cchecksums_crc64nvme_joined(value, other.value, other.count)
    count += other.count
  }

  /// As headers have it: eight bytes, the highest first, in base64.
  var text: String {
    Base64.encode((0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) })
  }
}
