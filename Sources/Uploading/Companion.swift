import FileTrees
import Glibc
import HTTP
import Inputs
import Manifests
import ObjectStore
import Posix

/// What goes up beside an image: its manifest, and the page for browsers.
struct Companion: Sendable {
  let file: LocalFile
  let location: ObjectLocation
  let contentType: String

  /// Those that lie beside an image.
  ///
  /// - Throws: `SourceError` for one that was made for another image.
  static func all(of image: LocalFile, at location: ObjectLocation) throws -> [Companion] {
    var digests: [ImageDigest.Parts?: ImageDigest] = [:]
    return try ManifestKind.allCases.compactMap { kind in
      let path = ImageName.path(of: image.path, with: kind.suffix)
      // What this program has not written for an image is somebody else's.
      guard stat(at: path)?.isRegular == true, let known = kind.image(of: path) else { return nil }
      let parts = known.digest.parts
      if digests[parts] == nil, known.size == image.length {
        digests[parts] = try image.digest(like: known.digest)
      }
      guard known.size == image.length, known.digest == digests[parts] else {
        let option = kind == .page ? " --html" : ""
        throw SourceError(
          .refused, path: path, "this belongs to another image",
          hint:
            "\"autosquash manifest\(option) \(image.path.shellWord) -o \(path.shellWord) --force\""
            + " renews it")
      }
      return Companion(
        file: try LocalFile(path), location: location.beside(kind.suffix),
        contentType: kind.contentType)
    }
  }
}
