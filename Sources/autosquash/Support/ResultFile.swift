import FileTrees
import Glibc
import Posix

/// Where a result goes: to standard output, to a pipe or a device that is there, or to a file that
/// appears when it is complete.
struct ResultFile: ~Copyable {
  let path: [UInt8]
  /// For writing.
  let descriptor: Int32
  private let file: AtomicFile?
  private var buffer: [UInt8] = []
  private static let limit = 64 << 10

  /// - Parameter path: `nil`, `-` and `/dev/stdout` are standard output.
  init(_ path: [UInt8]?, replacing: Bool) throws(SystemError) {
    guard let path, path != Array("-".utf8), path != Array("/dev/stdout".utf8) else {
      self.init(Array("standard output".utf8), STDOUT_FILENO, nil)
      return
    }
    var status = stat()
    if path.withCPath({ stat($0, &status) }) == 0,
      [S_IFCHR, S_IFIFO].contains(status.st_mode & S_IFMT)
    {
      let descriptor = path.withCPath { open($0, O_WRONLY | O_CLOEXEC) }
      guard descriptor >= 0 else { throw SystemError("open", path: path) }
      self.init(path, descriptor, nil)
    } else {
      self.init(try AtomicFile(path: HostPath(path), replacing: replacing))
    }
  }

  init(_ file: AtomicFile) { self.init(file.path.bytes, file.descriptor, file) }

  private init(_ path: [UInt8], _ descriptor: Int32, _ file: AtomicFile?) {
    self.path = path
    self.descriptor = descriptor
    self.file = file
  }

  deinit { if file == nil && descriptor != STDOUT_FILENO { close(descriptor) } }

  var isStandardOutput: Bool { file == nil && descriptor == STDOUT_FILENO }

  mutating func write(_ text: String) throws(SystemError) { try write(text.utf8) }

  mutating func write(_ bytes: some Sequence<UInt8>) throws(SystemError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.limit { try flush() }
  }

  /// Hands over what was written so far.
  mutating func flush() throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeBytes { bytes in
        retryingInterrupts {
          Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        }
      }
      guard count > 0 else { throw SystemError("write", path: path) }
      done += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Puts the file under its name.
  mutating func finish() throws(SystemError) {
    try flush()
    try file?.publish()
  }

  /// Makes sure that a result does not take the place of what it is made from, nor goes into it.
  ///
  /// - Throws: `SourceError` where both are one file or directory.
  static func refuse(_ output: [UInt8], inPlaceOf source: [UInt8]) throws {
    var (first, second) = (stat(), stat())
    if output.withCPath({ stat($0, &first) }) == 0, source.withCPath({ stat($0, &second) }) == 0,
      [S_IFREG, S_IFDIR].contains(first.st_mode & S_IFMT), first.st_dev == second.st_dev,
      first.st_ino == second.st_ino
    {
      throw SourceError(
        .refused, path: output, "this is the source itself; give the result another name")
    }
  }
}
