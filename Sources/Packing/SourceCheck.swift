import FileTrees
import Glibc
package import Inputs
import Posix

/// Checks all sources before packing the first, so that a mistyped name costs no time.
package enum SourceCheck {
  /// The suffixes of images' names.
  private static let imageEndings = [
    ".squash", ".squashfs", ".sqfs", ".sqsh", ".sfs", ".sqfs.img", ".img",
  ]

  /// Makes sure that no source is meant as the image's name: mksquashfs takes that as its last
  /// word, and tar after `-f`.
  ///
  /// - Throws: `SourceError`.
  package static func refuseImageName(_ sources: [PlacedSource], output: [UInt8]?) throws {
    guard sources.count > 1, let last = sources.last?.path else { return }
    if let first = sources.first, hasImageEnding(first.path), !isThere(first.path) {
      try refuse(first.path, among: sources.dropFirst(), output: output)
    }
    guard hasImageEnding(last) else { return }
    if !isThere(last) { try refuse(last, among: sources.dropLast(), output: output) }
    let others = sources.dropLast()
    // With several images, all may come from a shell pattern.
    if output == nil, TreeInput.isImage(last),
      !others.contains(where: { TreeInput.isImage($0.path) })
    {
      throw SourceError(
        .unreadable, path: last, "is an image, not a source",
        hint: "to replace it: \(command(others, last)) --force")
    }
  }

  private static func refuse(
    _ name: [UInt8], among others: ArraySlice<PlacedSource>, output: [UInt8]?
  ) throws -> Never {
    throw SourceError(
      .unreadable, path: name, "does not exist",
      hint: output == nil
        ? "to name the image: \(command(others, name))" : "-o already names the image")
  }

  private static func command(_ sources: ArraySlice<PlacedSource>, _ image: [UInt8]) -> String {
    let words = sources.count > 4 ? "…" : sources.map(\.path.shellWord).joined(separator: " ")
    return "autosquash pack \(words) -o \(image.shellWord)"
  }

  private static func hasImageEnding(_ path: [UInt8]) -> Bool {
    imageEndings.contains { path.suffix($0.utf8.count).elementsEqual($0.utf8) }
  }

  private static func isThere(_ path: [UInt8]) -> Bool {
    path.withCPath { access($0, F_OK) } == 0 || errno != ENOENT
  }

  /// Why a source cannot be read; `nil` if there is no obstacle.
  static func fault(of path: [UInt8]) -> SourceError? {
    if path == [UInt8(ascii: "-")] { return nil }
    if path.isEmpty {
      return SourceError(
        .unreadable, path: [], "a source without a name",
        hint: "a variable in the command may be empty")
    }
    if RemoteObjects.isRemote(path) {
      guard path.last == pathSeparator else { return nil }
      return SourceError(
        .unreadable, path: path,
        "a folder of a bucket; -o before it packs into it, and its files are packed from this machine",
        hint: RemoteName.fetching(folder: path))
    }
    guard let status = stat(at: path) else {
      let reason = SystemError.reason()
      return SourceError(.unreadable, path: path, "cannot open: \(reason)")
    }
    // Opening a pipe would make its writer think it has a reader.
    guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return nil }
    let descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      return SourceError(
        .unreadable, path: path, "cannot open: \(SystemError.reason())")
    }
    close(descriptor)
    return nil
  }
}
