internal import Glibc
internal import Posix
internal import Synchronization

/// The bytes of an image: a file, or a part of one. Any number of threads may read.
public final class ImageInput: Sendable {
  /// Where the image starts in the file.
  public let base: UInt64
  /// The number of bytes from `base` to the end of the file.
  public let length: UInt64
  private let descriptor: Int32
  /// `nil` for a disk.
  private let stamp: FileStamp?
  /// What all threads have read together.
  let work = SharedWork()

  /// Opens a file or a block device.
  ///
  /// - Parameter base: where the image starts in it, in bytes.
  /// - Throws: `ImageReadError` with the code `unreadable`, or `notAnImage` where `base` lies
  ///   beyond the end.
  public init(path: [UInt8], base: UInt64 = 0) throws(ImageReadError) {
    descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw Self.failure("open") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = Self.failure("read")
      close(descriptor)
      throw error
    }
    let problem: String? =
      switch status.st_mode & S_IFMT {
      case S_IFREG, S_IFBLK: nil
      case S_IFDIR: "this is a directory, not an image"
      case S_IFIFO:
        "this is a pipe, and an image is read at many places; write it to a file first"
      default: "this is neither a file nor a disk"
      }
    if let problem {
      close(descriptor)
      throw ImageReadError(.unreadable, problem)
    }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else {
      let error = Self.failure("read")
      close(descriptor)
      throw error
    }
    guard base <= UInt64(end) else {
      close(descriptor)
      throw ImageReadError(.notAnImage, "the file ends before byte \(base)")
    }
    stamp = status.st_mode & S_IFMT == S_IFREG ? FileStamp(status) : nil
    stamp?.settle()
    self.base = base
    length = UInt64(end) - base
  }

  deinit { close(descriptor) }

  /// Makes sure that all that was read is of one and the same image.
  ///
  /// - Parameter path: where it was opened more than once, the file of that path must be the same.
  /// - Throws: `ImageReadError` with the code `unreadable` where something wrote to the file, or
  ///   put another one in its place.
  public func checkUnchanged(path: [UInt8]? = nil) throws(ImageReadError) {
    guard let stamp else { return }
    let isSame =
      FileStamp(descriptor: descriptor) == stamp
      && path.map { FileStamp(path: $0) == stamp } ?? true
    guard isSame else {
      throw ImageReadError(
        .unreadable, "changed while it was read; try again when nothing writes to it")
    }
  }

  /// Fills `buffer` with the bytes from `offset`, counted from the image's start.
  ///
  /// - Throws: `ImageReadError`, `damaged` where the file ends before.
  public func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) {
    let count = try readSome(buffer, at: offset)
    guard count == buffer.count else {
      throw .damaged(at: base + min(offset, length), "the file ends here, but there should be more")
    }
  }

  /// The little-endian number at `offset`.
  func number<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: UInt64, as type: T.Type = T.self
  ) throws(ImageReadError) -> T {
    var value: T = 0
    try withUnsafeMutableBytes(of: &value) { (bytes) throws(ImageReadError) in
      try read(bytes, at: offset)
    }
    return T(littleEndian: value)
  }

  /// Reads up to a whole buffer; less only at the end of the file.
  ///
  /// - Returns: the number of bytes read.
  func readSome(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int {
    guard offset < length else { return 0 }
    let wanted = Int(min(UInt64(buffer.count), length - offset))
    var done = 0
    while done < wanted {
      let count = retryingInterrupts {
        pread(
          descriptor, buffer.baseAddress! + done, wanted - done,
          off_t(base + offset) + off_t(done))
      }
      guard count >= 0 else { throw Self.failure("read", at: base + offset + UInt64(done)) }
      if count == 0 { break }  // the file became shorter
      done += count
    }
    work.bytesRead.add(UInt64(done), ordering: .relaxed)
    return done
  }

  private static func failure(_ action: String, at offset: UInt64? = nil) -> ImageReadError {
    ImageReadError(.unreadable, at: offset, SystemError(action).description)
  }
}
