package import Automount
package import Posix
import SquashFS

/// Images whose root directory only root can enter: they mount, but nobody can use them.
///
/// The catalogue, shared with the map, reads only superblocks; the root's inode is compressed.
package struct RootDirectories {
  /// The modes of those directories, by image file.
  package private(set) var modes: [RelativePath: UInt16] = [:]

  /// No images.
  package init() {}

  /// The number of concurrent requests: each takes a bucket some time.
  private static let threads = 12

  /// Checks the images that would mount.
  ///
  /// - Throws: `BucketError` if one takes longer than the configured time.
  package static func read(_ catalogue: Catalogue, _ job: CatalogueJob) throws(BucketError) -> Self
  {
    let images = catalogue.images.filter { $0.problem == nil }
    var result = RootDirectories()
    if images.isEmpty { return result }
    // Of a bucket, it would fetch much of each image.
    guard let folder = job.configuration.images.folder else { return result }
    let answer = try Bucket.ask(folder, seconds: job.configuration.answerTimeout) {
      progress throws(SystemError) in
      let modes = try concurrentMap(count: images.count, threads: threads) { index in
        defer { progress() }
        let path = folder.appending(images[index].file)
        // Unreadable is not closed; verify shows what is wrong.
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

  /// Marks an image that others may enter; not a mode of any closed directory.
  private static let open = UInt16.max
}

extension UInt16 {
  /// The mode as chmod takes it: "0700".
  package var asMode: String { "0" + String(self, radix: 8).leftPadded(to: 3, with: "0") }
}
