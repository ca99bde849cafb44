import FileTrees
import Glibc
import Posix

/// A look at all sources before the first is packed: a mistyped name costs no time.
enum SourceCheck {
  /// What the names of images end in.
  private static let imageEndings = [
    ".squash", ".squashfs", ".sqfs", ".sqsh", ".sfs", ".sqfs.img", ".img",
  ]

  /// Makes sure that the last word is not the image's name, which mksquashfs takes there.
  ///
  /// - Throws: `SourceError`.
  static func refuseImageName(_ sources: [SourceArgument], output: [UInt8]?) throws {
    guard sources.count > 1, let last = sources.last?.path,
      imageEndings.contains(where: { last.suffix($0.utf8.count).elementsEqual($0.utf8) })
    else { return }
    let others = sources.dropLast()
    let words = others.count > 4 ? "…" : others.map(\.path.shellWord).joined(separator: " ")
    let command = "autosquash pack \(words) -o \(last.shellWord)"
    if last.withCPath({ access($0, F_OK) }) != 0 && errno == ENOENT {
      throw SourceError(
        .unreadable, path: last, "does not exist",
        hint: output == nil ? "to name the image: \(command)" : "-o names the image already")
    }
    // Of several images, all may come from a pattern of the shell's.
    if output == nil, AnyTree.isImage(last), !others.contains(where: { AnyTree.isImage($0.path) }) {
      throw SourceError(
        .unreadable, path: last, "is an image, not a source",
        hint: "to replace it: \(command) --force")
    }
  }

  /// Why a source cannot be read; `nil` where nothing is against it.
  static func fault(of path: [UInt8]) -> SourceError? {
    if path == [UInt8(ascii: "-")] { return nil }
    if path.isEmpty {
      return SourceError(
        .unreadable, path: [], "a source without a name",
        hint: "a variable in the command may be empty")
    }
    var status = stat()
    guard path.withCPath({ stat($0, &status) }) == 0 else {
      let reason = String(cString: strerror(errno))
      if let command = RemoteName.reading(path) {
        return SourceError(.unreadable, path: path, "not on this machine", hint: command)
      }
      return SourceError(.unreadable, path: path, "cannot open: \(reason)")
    }
    // Opening a pipe would make its writer believe that it is read.
    guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return nil }
    let descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      return SourceError(
        .unreadable, path: path, "cannot open: \(String(cString: strerror(errno)))")
    }
    close(descriptor)
    return nil
  }
}
