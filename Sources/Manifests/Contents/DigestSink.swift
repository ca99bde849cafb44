public import FileTrees
public import TreeModel

/// Hashes the contents of files on their way to another sink or to nowhere.
public final class DigestSink: ContentSink {
  /// What is known about a file's content.
  public struct Content: Hashable, Sendable {
    /// In bytes; `nil` if a source does not say.
    public var size: UInt64?
    public var digest: SHA256.Digest?
  }

  /// Indexed by the number of the `ContentID`.
  public private(set) var contents: [Content?] = []

  /// What the digests cover.
  public enum Form: Sendable {
    /// All bytes: the SHA-256 that other tools know.
    case bytes
    /// The data, and where the holes are: comparable only with the same form, and as fast as
    /// reading the data.
    case dataAndHoles
  }

  private let next: (any ContentSink)?
  private let form: Form
  private var hash = SHA256()
  private var sparse = SparseHash()
  private var size: UInt64 = 0
  private var known: Content?
  private var zeros: UInt64 = 0
  /// The size of the largest file an image can have, in bytes: 2^25 blocks of 1 MiB.
  private static let mostBytes: UInt64 = 1 << 45
  /// The most bytes in all holes together: a few bytes of an archive can announce any number.
  private static let mostZeros: UInt64 = 1 << 46
  private lazy var scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 128 << 10, alignment: 64)
  private var hasScratch = false

  /// - Parameter next: also receives the bytes.
  public init(_ next: (any ContentSink)? = nil, form: Form = .bytes) {
    self.next = next
    self.form = form
  }

  deinit { if hasScratch { scratch.deallocate() } }

  public func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws {
    if let size, size > Self.mostBytes { throw Self.tooLarge }
    switch form {
    case .bytes: hash = SHA256()
    case .dataAndHoles: sparse = SparseHash()
    }
    self.size = 0
    known = nil
    try next?.begin(size: size, rank: rank, old: old)
  }

  public func withFreeSpace(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    func fill(_ space: UnsafeMutableRawBufferPointer) throws -> Int {
      let count = try body(space)
      let bytes = UnsafeRawBufferPointer(rebasing: space[..<count])
      switch form {
      case .bytes: hash.update(bytes)
      case .dataAndHoles: sparse.update(bytes)
      }
      size += UInt64(count)
      return count
    }
    if let next { return try next.withFreeSpace(fill) }
    hasScratch = true
    return try fill(scratch)
  }

  public func addHole(_ count: UInt64) throws {
    let (sum, overflow) = zeros.addingReportingOverflow(count)
    guard !overflow, sum <= Self.mostZeros, size + count <= Self.mostBytes else {
      throw Self.tooLarge
    }
    zeros = sum
    // First, because it may refuse what takes long here.
    try next?.addHole(count)
    switch form {
    case .bytes: hash.update(zeros: count)
    case .dataAndHoles: sparse.update(zeros: count)
    }
    size += count
  }

  private static let tooLarge = ContentTooLarge("the file is larger than an image can hold")

  /// Supplies size and digest of the current file from elsewhere, instead of its bytes.
  public func setKnown(_ content: Content) { known = content }

  public func end() throws -> ContentID {
    let digest =
      switch form {
      case .bytes: hash.finish()
      case .dataAndHoles: sparse.finish(size: size)
      }
    let content = known ?? Content(size: size, digest: digest)
    let id = try next?.end() ?? ContentID(number: UInt32(contents.count))
    while contents.count <= Int(id.number) { contents.append(nil) }
    contents[Int(id.number)] = content
    return id
  }

  public func abandon() throws { try next?.abandon() }
}
