import Glibc
import Posix
import SquashFS

/// An image that is there already.
extension Packer {
  /// Whether there is one, or anything else of its name.
  package var isDone: Bool {
    return stat(at: output, followsLinks: false) != nil
  }

  /// What is to be said of an image that was left unchanged.
  package struct Kept {
    /// The first source that was changed after the image.
    package let newerSource: [UInt8]?
    /// Whether its manifest was missing or another's, and was written anew.
    package let isManifestNew: Bool
  }

  /// Leaves the image unchanged, and sees to it that it has its manifest.
  ///
  /// - Throws: `SourceError` where it is no whole image.
  package func keep() throws -> Kept {
    try ExistingImage.check(output)
    let isManifestNew =
      try options.writesManifest
      && ImageManifest(of: output).complete(threads: options.writer.threads)
    let time = Self.changeTime(of: output)
    let newer = sources.first { source in
      guard let time, let sourceTime = Self.changeTime(of: source) else { return false }
      return sourceTime > time
    }
    return Kept(newerSource: newer, isManifestNew: isManifestNew)
  }

  /// When a file, or a directory itself, was changed; `nil` where there is none.
  private static func changeTime(of path: [UInt8]) -> Int? {
    return stat(at: path)?.st_mtim.tv_sec
  }
}
