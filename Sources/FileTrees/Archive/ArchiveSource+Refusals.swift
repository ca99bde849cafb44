import Glibc
import Posix

/// Files that are not archives we read, and what to do with them.
extension ArchiveSource {
  /// Refuses files that contain an archive or files but are not archives.
  func refuseContainer(_ kind: StreamKind?) throws {
    let name = path.shellWord
    switch kind {
    case .rpm:
      throw SourceError(
        .refused, path: path, "an RPM package",
        hint: "rpm2cpio \(name) | autosquash pack - -o IMAGE packs its files")
    case .squashFS:
      throw SourceError(
        .refused, path: path, "a compressed image", hint: "decompress it")
    case .zip where path.ends(with: ".conda"):
      throw SourceError(
        .refused, path: path, "a conda package: its files are in an inner archive",
        hint: "unzip -p \(name) 'pkg-*' | autosquash pack - -o IMAGE packs them")
    default: break
    }
  }

  private static let tools: [(endings: [String], what: String, tool: String)] = [
    ([".gpg", ".pgp", ".asc"], "an encrypted file", "gpg -d"),
    ([".age"], "an encrypted file", "age -d"),
  ]

  private static let archiveEndings = [
    ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".taz", ".tlz", ".zip", ".7z", ".cpio",
    ".rar",
    ".iso", ".deb", ".jar", ".whl", ".cab", ".xar",
  ]

  private var isFile: Bool {
    return stat(at: path)?.isRegular == true
  }

  /// The kind of file by its first bytes; not for a pipe, which has lost them.
  private var knownKind: FileKind? { isFile ? FileKind(of: path) : nil }

  /// Refuses file systems that begin with zeros, as an empty tar archive does.
  func refuseFileSystem() throws {
    guard !isNamedAsSpecification, let kind = knownKind, !kind.isSource, kind.lister == nil
    else { return }
    throw unknownKind([])
  }

  /// The error for a file that fits no format.
  ///
  /// - Parameter start: its first bytes, unpacked.
  func unknownKind(_ start: [UInt8]) -> SourceError {
    func error(_ cause: String, _ hint: String?) -> SourceError {
      SourceError(.unreadable, path: path, "\(ArchiveHandle.unknownKind)\(cause)", hint: hint)
    }
    if start.starts(with: "#mtree".utf8) {
      return error("", "the name of an mtree specification must end in .mtree")
    }
    for (endings, what, tool) in Self.tools where endings.contains(where: path.ends) {
      return error(
        ", but \(what)", "\(tool) \(path.shellWord) | autosquash pack - -o IMAGE")
    }
    if path.ends(with: ".dmg") {
      return error(", but a disk image of macOS", "7z x \(path.shellWord) -oDIR unpacks it")
    }
    let isNamedAsArchive = Self.archiveEndings.contains { path.contains(Array($0.utf8)) }
    let packing = Remedy.packDirectory(
      "mkdir DIR && cp \(path.shellWord) DIR && autosquash pack DIR")
    if let kind = knownKind {
      let listing = kind.lister.map { "\"\($0) \(path.shellWord)\" lists it" }
      let hint = kind.advice ?? listing
      return SourceError(
        .unreadable, path: path, "\(kind.name), not an archive", hint: hint,
        remedies: hint == nil && !isNamedAsArchive ? [packing] : [])
    }
    guard isFile, !isNamedAsArchive else {
      return error(": tar, cpio, zip, 7z and others, also compressed", nil)
    }
    var file = error(", but a single file", nil)
    file.remedies = [packing]
    return file
  }
}

extension [UInt8] {
  fileprivate func ends(with ending: String) -> Bool {
    suffix(ending.utf8.count).elementsEqual(ending.utf8)
  }
}
