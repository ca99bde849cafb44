/// Byte strings stored back to back, so that a million names take one allocation.
public struct ByteArena {
  /// Where a string lies: its offset and its length (at most 65,535 bytes) in one word.
  public struct Reference: Hashable, Sendable {
    fileprivate let bits: UInt64

    fileprivate init(offset: Int, count: Int) {
      bits = UInt64(offset) << 16 | UInt64(count)
    }
    fileprivate var offset: Int { Int(bits >> 16) }
    /// The length in bytes.
    public var count: Int { Int(bits & 0xffff) }
  }

  private var bytes: [UInt8] = []

  public init() {}

  /// Stores a copy of `string`, which must have at most 65,535 bytes.
  public mutating func add(_ string: some Collection<UInt8>) -> Reference {
    precondition(string.count <= 0xffff)
    let reference = Reference(offset: bytes.count, count: string.count)
    bytes.append(contentsOf: string)
    return reference
  }

  /// The string at `reference`.
  public subscript(reference: Reference) -> ArraySlice<UInt8> {
    bytes[reference.offset..<reference.offset + reference.count]
  }

  /// Whether the string at `reference` has exactly these bytes.
  @inline(__always)
  public func equals(_ reference: Reference, _ string: UnsafeRawBufferPointer) -> Bool {
    guard reference.count == string.count else { return false }
    return bytes.withUnsafeBytes { all in
      for index in 0..<string.count where all[reference.offset + index] != string[index] {
        return false
      }
      return true
    }
  }

  /// Whether one string sorts before the other, by bytes.
  @inline(__always)
  public func precedes(_ first: Reference, _ second: Reference) -> Bool {
    bytes.withUnsafeBytes { all in
      for index in 0..<min(first.count, second.count) {
        let (a, b) = (all[first.offset + index], all[second.offset + index])
        if a != b { return a < b }
      }
      return first.count < second.count
    }
  }
}
