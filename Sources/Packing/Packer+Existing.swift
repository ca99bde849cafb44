import Glibc
import ObjectStore
import Posix
import SquashFS

/// Handles an existing image.
extension Packer {
  /// Whether one exists, or anything else under its name.
  ///
  /// - Throws: `UploadError` if a bucket does not tell.
  package func isDone() throws -> Bool {
    try isRemote ? remoteHead() != nil : stat(at: output, followsLinks: false) != nil
  }

  /// The facts about an image left unchanged.
  package struct Kept {
    /// The first source that changed after the image was made.
    package let newerSource: [UInt8]?
    /// Whether its manifest was missing or another image's, and was rewritten.
    package let isManifestNew: Bool
  }

  /// Leaves the image unchanged, and makes sure that it has its manifest, unless it is in a bucket.
  ///
  /// - Throws: `SourceError` if it is not a complete image.
  package func keep() throws -> Kept {
    try ExistingImage.check(output)
    let isManifestNew =
      try !isRemote
      && options.manifests.count { kind in
        try ImageManifest(kind, of: output).complete(threads: options.writer.threads)
      } > 0
    let time = try isRemote ? remoteHead()?.modified.map { Int($0) } : Self.changeTime(of: output)
    let newer = sources.first { source in
      guard let time, let sourceTime = Self.changeTime(of: source) else { return false }
      return sourceTime > time
    }
    return Kept(newerSource: newer, isManifestNew: isManifestNew)
  }

  /// When a file, or a directory itself, last changed; `nil` if there is none.
  private static func changeTime(of path: [UInt8]) -> Int? {
    return stat(at: path)?.st_mtim.tv_sec
  }
}
