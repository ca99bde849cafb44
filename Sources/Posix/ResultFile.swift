import Glibc

/// The destination of a result: standard output, an existing pipe or device, or a file that
/// appears when it is complete.
public struct ResultFile: ~Copyable {
  /// The path for messages.
  public let path: [UInt8]
  /// For writing.
  public let descriptor: Int32
  private let file: AtomicFile?
  private var buffer: [UInt8] = []
  private static let limit = 64 << 10

  /// - Parameter path: `nil`, `-` and `/dev/stdout` are standard output.
  public init(_ path: [UInt8]?, replacing: Bool) throws(SystemError) {
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

  /// A file that is already open.
  public init(_ file: AtomicFile) { self.init(file.path.bytes, file.descriptor, file) }

  private init(_ path: [UInt8], _ descriptor: Int32, _ file: AtomicFile?) {
    self.path = path
    self.descriptor = descriptor
    self.file = file
  }

  deinit { if file == nil && descriptor != STDOUT_FILENO { close(descriptor) } }

  /// Whether it is standard output.
  public var isStandardOutput: Bool { file == nil && descriptor == STDOUT_FILENO }

  /// Appends text.
  public mutating func write(_ text: String) throws(SystemError) { try write(text.utf8) }

  /// Appends bytes.
  public mutating func write(_ bytes: some Sequence<UInt8>) throws(SystemError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.limit { try flush() }
  }

  /// Writes out the buffer.
  public mutating func flush() throws(SystemError) {
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

  /// Gives the file its name.
  public mutating func finish() throws(SystemError) {
    try flush()
    try file?.publish()
  }
}
