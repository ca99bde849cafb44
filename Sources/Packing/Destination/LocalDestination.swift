import FileTrees
import Glibc
import Inputs
import Manifests
import Posix
import SquashFS

/// The destination of an image on this machine: a file that appears when complete, or, after that,
/// standard output.
struct LocalDestination: ImageDestination {
  private let image: AtomicFile
  private let isForStandardOutput: Bool
  /// What is put beside it, and whether that replaces a file.
  private let manifests: [(manifest: ImageManifest, replaces: Bool)]

  var output: ImageWriter.Output { .file(image) }
  var file: AtomicFile? { image }

  init(_ output: [UInt8], _ inputs: [PackInput], _ options: Packer.Options) throws {
    isForStandardOutput = options.writesToStandardOutput
    guard isForStandardOutput else {
      image = try AtomicFile(path: HostPath(output), replacing: options.replaces)
      manifests = try options.manifests.map { kind in
        let manifest = ImageManifest(kind, of: output)
        for input in inputs { try ResultFile.refuse(manifest.path, inPlaceOf: input.path) }
        return (manifest, try manifest.checkName(isForced: options.replaces))
      }
      return
    }
    manifests = []
    guard isatty(STDOUT_FILENO) == 0 else {
      throw SourceError(
        .refused, path: Array("standard output".utf8), "a terminal cannot take an image",
        hint: "redirect it, or name a file")
    }
    image = try AtomicFile(path: HostPath.temporary("autosquash-image"), replacing: true)
  }

  /// Gives the complete image its name, or writes it out; then names what is beside it.
  func publish(_ tree: DigestedTree?, willPublish: () -> Void) throws {
    let written = try manifests.compactMap { manifest, replaces in
      try tree.map { try manifest.write($0, of: image, replacing: replaces) }
    }
    willPublish()
    guard isForStandardOutput else { return try AtomicFile.publish([image] + written) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset: off_t = 0
    var output = try ResultFile(nil, replacing: false)
    while true {
      let count = retryingInterrupts {
        pread(image.descriptor, &buffer, buffer.count, offset)
      }
      guard count >= 0 else { throw SystemError("read", path: image.path) }
      if count == 0 { break }
      try output.write(buffer[..<count])
      offset += off_t(count)
    }
    try output.finish()
  }

  // A file without a name disappears by itself.
  func giveUp() {}
}

extension HostPath {
  /// A path in the folder for large temporary files; /tmp may be in memory.
  static func temporary(_ name: String) -> HostPath {
    let folder = getenv("TMPDIR").map { [UInt8](cString: $0) } ?? Array("/var/tmp".utf8)
    return HostPath(folder.joined(to: Array(name.utf8)))
  }
}
