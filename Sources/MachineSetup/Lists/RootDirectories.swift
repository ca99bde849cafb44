package import Automount
package import Posix
import SquashFS

/// The images whose root directory only root can enter: they mount, and are of no use to anybody.
///
/// The catalogue, which the map has as well, knows superblocks only: that root's inode is packed.
package struct RootDirectories {
  /// The modes of those directories, by the images' files.
  package private(set) var modes: [RelativePath: UInt16] = [:]

  /// None.
  package init() {}

  /// Requests at the same time: a bucket takes its time for each.
  private static let threads = 12

  /// Looks at the images that would mount.
  ///
  /// - Throws: `BucketError` when one of them takes longer than the configured time.
  package static func read(_ catalogue: Catalogue, _ job: CatalogueJob) throws(BucketError) -> Self
  {
    let images = catalogue.images.filter { $0.problem == nil }
    var result = RootDirectories()
    if images.isEmpty { return result }
    let folder = job.configuration.images
    let answer = try Bucket.ask(folder, seconds: job.configuration.answerTimeout) {
      progress throws(SystemError) in
      let modes = try concurrentMap(count: images.count, threads: threads) { index in
        defer { progress() }
        let path = folder.appending(images[index].file)
        // What cannot be read is not known to be closed; verify tells what is wrong with it.
        guard let root = try? RootDirectory(of: ImageInput(path: path.bytes)), root.isRootsAlone
        else {
          return open
        }
        return root.permissions
      }
      return modes.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }
    for (index, image) in images.enumerated() where answer.count >= 2 * (index + 1) {
      let mode = UInt16(answer[2 * index]) << 8 | UInt16(answer[2 * index + 1])
      if mode != Self.open { result.modes[image.file] = mode }
    }
    return result
  }

  /// Stands for what others may enter; no mode of a directory that is closed to them.
  private static let open = UInt16.max
}

extension UInt16 {
  /// A mode as chmod takes it: "0700".
  package var asMode: String { "0" + String(self, radix: 8).leftPadded(to: 3, with: "0") }
}
