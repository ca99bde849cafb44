public import FileTrees
import Glibc

/// What a manifest knows its image by.
///
/// Of an image that goes out in parts while it is made, the first bytes are known last. So it has the
/// SHA-256 of the SHA-256s of its parts, which S3 calls a composite checksum.
public struct ImageDigest: Hashable, Sendable {
  /// How the image was cut: a first part, and others of one size, except for the last.
  public struct Parts: Hashable, Sendable {
    /// In bytes, like `others`; neither is 0.
    public var first: UInt64
    public var others: UInt64

    public init(first: UInt64, others: UInt64) {
      self.first = first
      self.others = others
    }
  }

  public var digest: SHA256.Digest
  /// `nil` for the SHA-256 of the whole image.
  public var parts: Parts?

  public init(_ digest: SHA256.Digest, parts: Parts? = nil) {
    self.digest = digest
    self.parts = parts
  }

  /// - Parameter digests: of the parts, in their order.
  public init(ofParts digests: some Sequence<SHA256.Digest>, _ parts: Parts) {
    var hash = SHA256()
    for digest in digests { digest.withBytes { hash.update($0) } }
    self.init(hash.finish(), parts: parts)
  }

  // MARK: Of a file

  /// The digest and the size of a file, cut as for this digest.
  ///
  /// - Throws: `SourceError` if it cannot be read.
  public func same(ofFile path: [UInt8]) throws -> (digest: ImageDigest, size: UInt64) {
    try same(of: FileInput(path: path))
  }

  /// The same of an open file, from its start.
  ///
  /// - Parameter path: for errors.
  public func same(
    ofDescriptor descriptor: Int32, path: [UInt8]
  ) throws -> (digest: ImageDigest, size: UInt64) {
    let input = try FileInput(path: path, owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
    try input.seek(to: 0)
    return try same(of: input)
  }

  private func same(of input: FileInput) throws -> (digest: ImageDigest, size: UInt64) {
    var cutter = Cutter(parts)
    while true {
      let bytes = try input.next()
      if bytes.isEmpty { break }
      cutter.add(bytes)
    }
    try input.checkUnchanged()
    return (cutter.finish(), UInt64(input.position))
  }

  /// Makes the digest of bytes that come in pieces.
  private struct Cutter {
    let parts: Parts?
    /// The bytes that the current part still lacks.
    private var missing: UInt64
    private var hash = SHA256()
    private var ofParts = SHA256()
    private var isPartEmpty = true

    init(_ parts: Parts?) {
      self.parts = parts
      missing = parts?.first ?? .max
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let next = rest.prefix(Int(clamping: missing))
        hash.update(UnsafeRawBufferPointer(rebasing: next))
        rest = rest.dropFirst(next.count)
        isPartEmpty = false
        guard let parts else { continue }
        missing -= UInt64(next.count)
        if missing == 0 { endPart(next: parts.others) }
      }
    }

    private mutating func endPart(next: UInt64) {
      hash.finish().withBytes { ofParts.update($0) }
      isPartEmpty = true
      missing = next
    }

    mutating func finish() -> ImageDigest {
      guard let parts else { return ImageDigest(hash.finish()) }
      if !isPartEmpty { endPart(next: 0) }
      return ImageDigest(ofParts.finish(), parts: parts)
    }
  }

  // MARK: In manifests

  private static let wholeKey = "# image-sha256: "
  private static let partsKey = "# image-sha256-parts: "

  /// The line of a manifest.
  var line: String {
    guard let parts else { return Self.wholeKey + digest.hexadecimal }
    return "\(Self.partsKey)\(parts.first) \(parts.others) \(digest.hexadecimal)"
  }

  /// - Returns: `nil` for another line.
  init?(line: String) {
    if line.hasPrefix(Self.wholeKey) {
      guard let digest = SHA256.Digest(hexadecimal: line.utf8.dropFirst(Self.wholeKey.utf8.count))
      else { return nil }
      self.init(digest)
      return
    }
    guard line.hasPrefix(Self.partsKey) else { return nil }
    let words = line.dropFirst(Self.partsKey.count).split(separator: " ")
    guard words.count == 3, let first = UInt64(words[0]), let others = UInt64(words[1]), first > 0,
      others > 0, let digest = SHA256.Digest(hexadecimal: words[2].utf8)
    else { return nil }
    self.init(digest, parts: Parts(first: first, others: others))
  }

  /// The words of a page.
  var markup: String {
    let cut = parts.map { " of parts of \($0.first), then \($0.others) bytes" } ?? ""
    return "sha256\(cut) <code>\(digest.hexadecimal)</code>"
  }

  /// - Returns: `nil` for other words.
  init?(markup: some StringProtocol) {
    let words = markup.split(separator: " ")
    guard words.first == "sha256", let last = words.last, last.hasPrefix("<code>"),
      last.hasSuffix("</code>"),
      let digest = SHA256.Digest(hexadecimal: last.utf8.dropFirst(6).dropLast(7))
    else { return nil }
    switch words.count {
    case 2: self.init(digest)
    case 9:
      guard let first = UInt64(words[4].dropLast()), let others = UInt64(words[6]), first > 0,
        others > 0
      else { return nil }
      self.init(digest, parts: Parts(first: first, others: others))
    default: return nil
    }
  }
}
