import Automount
import Posix
import SquashFS

/// The images whose root directory only root can enter: they mount, and are of no use to anybody.
///
/// The catalogue, which the map has as well, knows superblocks only: that root's inode is packed.
struct RootDirectories {
  /// The modes of those directories, by the images' files.
  private(set) var modes: [[UInt8]: UInt16] = [:]

  /// Requests at the same time: a bucket takes its time for each.
  private static let threads = 12

  /// Looks at the images that would mount.
  ///
  /// - Throws: `BucketError` when one of them takes longer than the configured time.
  static func read(_ catalogue: Catalogue, _ job: CatalogueJob) throws(BucketError) -> Self {
    let images = catalogue.images.filter { $0.problem == nil }
    var result = RootDirectories()
    if images.isEmpty { return result }
    let folder = job.configuration.images
    let answer = try Bucket.ask(folder, seconds: job.configuration.answerTimeout) {
      progress throws(SystemError) in
      let modes = Modes(count: images.count)
      let pool = try TaskPool(contexts: [Void](repeating: (), count: threads), queueLimit: 64)
      for (index, image) in images.enumerated() {
        pool.submit { _ in
          let path = folder + [UInt8(ascii: "/")] + image.file
          // What cannot be read is not known to be closed; verify tells what is wrong with it.
          if let root = try? RootDirectory(of: ImageInput(path: path)), root.isRootsAlone {
            modes.set(index, root.permissions)
          }
          progress()
        }
      }
      pool.drain()
      return modes.bytes
    }
    for (index, image) in images.enumerated() where answer.count >= 2 * (index + 1) {
      let mode = UInt16(answer[2 * index]) << 8 | UInt16(answer[2 * index + 1])
      if mode != Self.open { result.modes[image.file] = mode }
    }
    return result
  }

  /// Stands for what others may enter; no mode of a directory that is closed to them.
  private static let open = UInt16.max

  /// What several threads find, two bytes an image.
  private final class Modes: @unchecked Sendable {
    private let monitor = Monitor(conditions: 0)
    // Guarded by `monitor`.
    private(set) var bytes: [UInt8]

    init(count: Int) { bytes = [UInt8](repeating: UInt8.max, count: 2 * count) }

    func set(_ index: Int, _ mode: UInt16) {
      monitor.withLock {
        bytes[2 * index] = UInt8(mode >> 8)
        bytes[2 * index + 1] = UInt8(truncatingIfNeeded: mode)
      }
    }
  }
}

extension UInt16 {
  /// A mode as chmod takes it: "0700".
  var asMode: String { "0" + String(self, radix: 8).leftPadded(to: 3, with: "0") }
}
