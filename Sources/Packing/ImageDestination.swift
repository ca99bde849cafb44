import FileTrees
import Glibc
import Posix

/// The destination of an image: a file that appears when complete, or, after that, standard
/// output. (The superblock is written last, so the image cannot be streamed.)
struct ImageDestination {
  /// The image under construction.
  let file: AtomicFile
  private let isForStandardOutput: Bool

  init(_ output: [UInt8], _ options: Packer.Options) throws {
    isForStandardOutput = options.writesToStandardOutput
    guard isForStandardOutput else {
      file = try AtomicFile(path: HostPath(output), replacing: options.replaces)
      return
    }
    guard isatty(STDOUT_FILENO) == 0 else {
      throw SourceError(
        .refused, path: Array("standard output".utf8), "a terminal cannot take an image",
        hint: "redirect it, or name a file")
    }
    // The image may be large, and /tmp may be in memory.
    let folder = getenv("TMPDIR").map { [UInt8](cString: $0) } ?? Array("/var/tmp".utf8)
    file = try AtomicFile(path: HostPath(folder + Array("/autosquash-image".utf8)), replacing: true)
  }

  /// Gives the complete image its name, or writes it out; then names the manifest.
  func publish(with manifest: AtomicFile?) throws {
    guard isForStandardOutput else {
      return try AtomicFile.publish([file, manifest].compactMap { $0 })
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset: off_t = 0
    var output = try ResultFile(nil, replacing: false)
    while true {
      let count = retryingInterrupts {
        pread(file.descriptor, &buffer, buffer.count, offset)
      }
      guard count >= 0 else { throw SystemError("read", path: file.path) }
      if count == 0 { break }
      try output.write(buffer[..<count])
      offset += off_t(count)
    }
    try output.finish()
  }
}
