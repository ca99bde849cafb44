import SquashFS
import Synchronization

/// Readers of one image's metadata, each used by one thread at a time. They share what they unpack.
final class MetadataReaders: Sendable {
  /// What all readers keep unpacked together, in bytes.
  private static let cacheSize = 24 << 20

  private let idle: Mutex<[Reader]>

  private final class Reader: @unchecked Sendable {
    let image: Image
    init(_ image: Image) { self.image = image }
  }

  /// - Parameter count: the number of threads.
  init(_ image: Image, count: Int) throws(ImageReadError) {
    let cache = MetadataCache(byteCount: Self.cacheSize)
    var readers: [Reader] = []
    for _ in 0..<count { readers.append(Reader(try Image(image, sharing: cache))) }
    idle = Mutex(readers)
  }

  /// Calls `body` with a reader that no other thread uses.
  func read<R>(_ body: (Image) throws(ImageReadError) -> R) throws(ImageReadError) -> R {
    guard let reader = idle.withLock({ $0.popLast() }) else {
      throw ImageReadError(.unreadable, "more threads than readers")
    }
    defer { idle.withLock { $0.append(reader) } }
    return try body(reader.image)
  }
}
