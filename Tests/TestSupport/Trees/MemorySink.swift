import TreeModel

/// Keeps the contents of files in memory.
public final class MemorySink: ContentSink {
  /// Indexed by the number of the `ContentID`.
  public private(set) var contents: [[UInt8]] = []
  /// The announced size of each.
  public private(set) var sizes: [UInt64?] = []
  /// The number of files begun and abandoned.
  public private(set) var abandoned = 0

  private var bytes: [UInt8] = []
  private var size: UInt64?
  private let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)

  public init() {}

  deinit { space.deallocate() }

  public func begin(size: UInt64?, rank: UInt32?, old: OldFile?) {
    bytes.removeAll()
    self.size = size
  }

  public func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    let count = try body(space)
    bytes += space[..<count]
    return count
  }

  public func addHole(_ count: UInt64) { bytes += [UInt8](repeating: 0, count: Int(count)) }

  public func end() -> ContentID {
    contents.append(bytes)
    sizes.append(size)
    return ContentID(number: UInt32(contents.count - 1))
  }

  public func abandon() { abandoned += 1 }
}
