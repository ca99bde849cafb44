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
    let kinds = [
      (".mtree", "text/plain; charset=utf-8", ManifestReader.image(of:)),
      (".html", "text/html; charset=utf-8", HTMLPage.image(of:)),
    ]
    var digest: SHA256.Digest?
    return try kinds.compactMap { suffix, contentType, facts in
      let path = ImageName.path(of: image.path, with: suffix)
      // What this program has not written for an image is somebody else's.
      guard stat(at: path)?.isRegular == true, let known = facts(path) else { return nil }
      if digest == nil, known.size == image.length { digest = try image.digest() }
      guard known.size == image.length, known.digest == digest else {
        let option = suffix == ".html" ? " --html" : ""
        throw SourceError(
          .refused, path: path, "this belongs to another image",
          hint:
            "\"autosquash manifest\(option) \(image.path.shellWord) -o \(path.shellWord) --force\""
            + " renews it")
      }
      return Companion(
        file: try LocalFile(path), location: location.beside(suffix), contentType: contentType)
    }
  }
}
