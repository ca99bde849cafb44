import FileTrees
import Glibc
import Inputs
import Manifests
import Posix
import SquashFS
import TreeModel

/// The manifest that pack puts next to an image, or the same as a page for browsers.
///
/// Both appear one right after the other, the image first. An interruption in between leaves an
/// image without its manifest, or with that of the previous image.
struct ImageManifest {
  private let kind: ManifestKind
  private let image: [UInt8]
  let path: [UInt8]

  init(_ kind: ManifestKind, of image: [UInt8]) {
    self.kind = kind
    self.image = image
    path = ImageName.path(of: image, with: kind.suffix)
  }

  /// Makes sure that the manifest can get its name.
  ///
  /// - Returns: whether an existing file will be replaced. If there is no image, a manifest written
  ///   for one is an orphan.
  func checkName(isForced: Bool) throws -> Bool {
    guard let status = stat(at: path, followsLinks: false) else { return isForced }
    let isLeftOver = isRegular && kind.image(of: path) != nil
    guard isForced || isLeftOver else { throw SystemError("create", path: path, code: EEXIST) }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw SystemError("replace", path: path, code: EISDIR)
    }
    return true
  }

  /// Writes it, without a name yet.
  func write(_ tree: DigestedTree, of file: AtomicFile, replacing: Bool) throws -> AtomicFile {
    let (digest, size) = try SHA256.of(descriptor: file.descriptor, path: image)
    return try write(tree, size, ImageDigest(digest), replacing: replacing)
  }

  private func write(
    _ tree: DigestedTree, _ size: UInt64, _ digest: ImageDigest, replacing: Bool
  ) throws -> AtomicFile {
    let facts = ManifestWriter.ImageFacts(
      name: ImageName.base(of: image), size: size, digest: digest)
    let file = try AtomicFile(path: HostPath(path), replacing: replacing)
    var manifest = ResultFile(file)
    try kind.write(tree, of: facts) { try manifest.write($0) }
    try manifest.flush()
    return file
  }

  /// Writes the manifest of an existing image if it has none, or another image's.
  ///
  /// - Returns: whether it wrote one.
  func complete(threads: Int) throws -> Bool {
    let earlier = stat(at: path, followsLinks: false)
    if let earlier {
      // A file that is not an image's manifest belongs to somebody else.
      guard isRegular, let known = kind.image(of: path) else { return false }
      guard let image = stat(at: self.image) else { return false }
      let isOlder = earlier.modified < image.modified
      if known.size == UInt64(image.st_size) {
        // Written after the image, as pack does; otherwise compare all bytes.
        if !isOlder { return false }
        if try known.digest.same(ofFile: self.image).digest == known.digest { return false }
      }
    }
    var options = TreeInput.Options()
    options.threads = threads
    let tree = try TreeInput(image).read(options)
    let (digest, size) = try SHA256.of(file: image)
    try write(tree, size, ImageDigest(digest), replacing: earlier != nil).publish()
    return true
  }

  /// Whether the existing manifest was written for a different image.
  func isOfOtherImage() throws -> Bool {
    guard isRegular, let known = kind.image(of: path) else { return false }
    guard let status = stat(at: image) else { return false }
    // The same source produces the same image.
    return try known.size != UInt64(status.st_size)
      || known.digest.same(ofFile: image).digest != known.digest
  }

  /// Reading anything else could block forever.
  private var isRegular: Bool {
    return stat(at: path, followsLinks: false)?.isRegular == true
  }
}
