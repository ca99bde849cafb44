import CLinux
import Glibc
import Posix
import Synchronization

/// Adds up the sizes of a directory's files on its own thread, so that a progress bar can show how
/// much is left.
public final class SizeEstimate: Sendable {
  private let total = Atomic<UInt64>(0)
  private let isComplete = Atomic<Bool>(false)

  /// - Parameter dereferences: whether to count what links lead to.
  public init(of path: [UInt8], dereferences: Bool) {
    let links = dereferences ? FTS_LOGICAL : FTS_PHYSICAL
    // Without a thread to spare there is no estimate.
    try? WorkerThread { self.addUp(path, links) }.detach()
  }

  /// The sum in bytes, once it is known.
  public var bytes: UInt64? {
    isComplete.load(ordering: .acquiring) ? total.load(ordering: .relaxed) : nil
  }

  /// The sum in bytes, at once.
  public static func sum(of path: [UInt8], dereferences: Bool) -> UInt64 {
    let estimate = SizeEstimate()
    estimate.addUp(path, dereferences ? FTS_LOGICAL : FTS_PHYSICAL)
    return estimate.bytes ?? 0
  }

  private init() {}

  private func addUp(_ path: [UInt8], _ links: Int32) {
    path.withCPath { path in
      var paths: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
      defer { free(paths[0]) }
      guard let walk = fts_open(&paths, links | FTS_COMFOLLOW | FTS_NOCHDIR, nil) else {
        return
      }
      defer { fts_close(walk) }
      while let entry = fts_read(walk) {
        if Int32(entry.pointee.fts_info) == FTS_F {
          total.add(UInt64(max(0, clinux_fts_size(entry))), ordering: .relaxed)
        }
      }
    }
    isComplete.store(true, ordering: .releasing)
  }
}
