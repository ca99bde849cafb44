import CNettle
import Glibc
import Posix

/// A SHA-256 computation.
public struct SHA256 {
  /// A finished digest.
  public struct Digest: Hashable, Sendable {
    fileprivate let words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest's size in bytes.
    public static let byteCount = 32

    /// - Returns: `nil` unless there are 32 bytes.
    public init?(_ bytes: UnsafeRawBufferPointer) {
      guard bytes.count == Self.byteCount else { return nil }
      words = bytes.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
    }

    /// - Parameter hexadecimal: 64 digits.
    public init?(hexadecimal text: some Collection<UInt8>) {
      guard text.count == 2 * Self.byteCount else { return nil }
      var bytes: [UInt8] = []
      var high: UInt8?
      for digit in text {
        guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
        if let first = high {
          bytes.append(first << 4 | UInt8(value))
          high = nil
        } else {
          high = UInt8(value)
        }
      }
      self.init(bytes)
    }

    private init?(_ bytes: [UInt8]) {
      guard let digest = bytes.withUnsafeBytes({ Digest($0) }) else { return nil }
      self = digest
    }

    /// Lends its 32 bytes.
    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
      try withUnsafeBytes(of: words) { try body($0) }
    }

    /// The digest in 64 hexadecimal digits.
    public var hexadecimal: String {
      let digits = Array("0123456789abcdef".utf8)
      return withUnsafeBytes(of: words) { bytes in
        String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
          for (index, byte) in bytes.enumerated() {
            text[2 * index] = digits[Int(byte >> 4)]
            text[2 * index + 1] = digits[Int(byte & 0xf)]
          }
          return 2 * bytes.count
        }
      }
    }

    public static func == (first: Digest, second: Digest) -> Bool { first.words == second.words }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(words.0)
      hasher.combine(words.1)
    }
  }

  private var context = sha256_ctx()

  public init() { nettle_sha256_init(&context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    nettle_sha256_update(&context, bytes.count, base.assumingMemoryBound(to: UInt8.self))
  }

  /// Adds `count` zero bytes.
  public mutating func update(zeros count: UInt64) {
    var rest = count
    Self.zeros.withUnsafeBytes { zeros in
      while rest > 0 {
        let step = Int(min(rest, UInt64(zeros.count)))
        update(UnsafeRawBufferPointer(rebasing: zeros[..<step]))
        rest -= UInt64(step)
      }
    }
  }

  private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

  /// The digest of everything so far; starts over.
  public mutating func finish() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { bytes in
      nettle_sha256_digest(
        &context, bytes.count, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
      return Digest(UnsafeRawBufferPointer(bytes))!
    }
  }

  /// The digest and the size of a whole file.
  ///
  /// - Throws: `SourceError` if it cannot be read.
  public static func of(
    file path: [UInt8], progress: (UInt64) -> Void = { _ in }
  ) throws -> (digest: Digest, size: UInt64) {
    try of(FileInput(path: path), progress)
  }

  /// The digest and the size of an open file, which may have no name yet.
  ///
  /// - Parameter path: for errors.
  public static func of(
    descriptor: Int32, path: [UInt8]
  ) throws -> (digest: Digest, size: UInt64) {
    let input = try FileInput(path: path, owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
    try input.seek(to: 0)
    return try of(input) { _ in }
  }

  private static func of(
    _ input: FileInput, _ progress: (UInt64) -> Void
  ) throws -> (digest: Digest, size: UInt64) {
    var hash = SHA256()
    while true {
      let bytes = try input.next()
      if bytes.isEmpty { break }
      hash.update(bytes)
      progress(UInt64(input.position))
    }
    try input.checkUnchanged()
    return (hash.finish(), UInt64(input.position))
  }
}
