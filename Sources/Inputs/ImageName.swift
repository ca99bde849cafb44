import Glibc
import Posix

/// The name of an image made from a source: `data/my-tarball.tar.gz` makes `my-tarball.squash`.
package enum ImageName {
  /// The suffix of images' names.
  package static let suffix = Array(".squash".utf8)

  private static let compressions = [".gz", ".bz2", ".xz", ".lzma", ".lz", ".zst", ".lz4", ".Z"]
  private static let containers = [
    ".tar", ".cpio", ".zip", ".7z", ".mtree", ".whl", ".jar", ".deb",
  ]
  private static let both = [
    ".tgz", ".taz", ".tbz", ".tbz2", ".tb2", ".txz", ".tlz", ".tzst", ".tZ",
  ]

  /// The image's name in the current directory.
  ///
  /// - Returns: `nil` if the source has no name of its own ("/", standard input).
  package static func of(source: [UInt8], isDirectory: Bool) -> [UInt8]? {
    var base = Self.base(of: source)
    if base.isEmpty || base == Array(".".utf8) || base == Array("..".utf8) {
      guard isDirectory, let resolved = source.withCPath({ realpath($0, nil) }) else { return nil }
      defer { free(resolved) }
      base = Self.base(of: [UInt8](cString: resolved))
    }
    if !isDirectory {
      let whole = base
      if !drop(both, from: &base) {
        _ = drop(compressions, from: &base)
        _ = drop(containers, from: &base)
      }
      if base.isEmpty { base = whole }
    }
    return base.isEmpty ? nil : base + suffix
  }

  /// Whether a name is an archive's, which would disguise an image.
  package static func isOfArchive(_ name: [UInt8]) -> Bool {
    var base = Self.base(of: name).map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    return drop(compressions + containers + both + [".rar", ".iso"], from: &base)
  }

  /// The same path with an image's suffix in place of an archive's.
  package static func instead(of path: [UInt8]) -> [UInt8] {
    let base = Self.base(of: path)
    return path.dropLast(base.count) + (of(source: base, isDirectory: false) ?? suffix)
  }

  /// The name of the manifest next to an image: `my-tarball.squash` has `my-tarball.mtree`.
  package static func manifest(of image: [UInt8]) -> [UInt8] { path(of: image, with: ".mtree") }

  /// The path with another suffix than an image's.
  package static func path(of image: [UInt8], with suffix: String) -> [UInt8] {
    var name = image
    if let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0,
      name[dot - 1] != pathSeparator,
      dot > (name.lastIndex(of: pathSeparator) ?? 0)
    {
      name.removeSubrange(dot...)
    }
    return name + Array(suffix.utf8)
  }

  /// The last component of a path; empty for "/".
  package static func base(of path: [UInt8]) -> [UInt8] {
    let isURL = RemoteObjects.isRemote(path)
    let name = (isURL ? RemoteObjects.shown(path) : path).lastPathComponent
    return name.first == pathSeparator ? [] : Array(name)
  }

  private static func drop(_ suffixes: [String], from name: inout [UInt8]) -> Bool {
    for suffix in suffixes where name.count > suffix.utf8.count {
      if name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) {
        name.removeLast(suffix.utf8.count)
        return true
      }
    }
    return false
  }
}
