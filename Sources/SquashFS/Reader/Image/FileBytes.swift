import Glibc
import Posix

/// The bytes of a file or a block device.
package final class FileBytes: ByteSource {
  package let length: UInt64
  private let descriptor: Int32
  /// `nil` for a disk.
  private let stamp: FileStamp?

  /// - Throws: `ImageReadError` with the code `unreadable`.
  package init(path: [UInt8]) throws(ImageReadError) {
    descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw Self.failure("open") }
    guard let status = stat(of: descriptor) else {
      let error = Self.failure("read")
      close(descriptor)
      throw error
    }
    let problem: String? =
      switch status.st_mode & S_IFMT {
      case S_IFREG, S_IFBLK: nil
      case S_IFDIR: "this is a directory, not an image"
      case S_IFIFO:
        "this is a pipe, but an image needs random access; write it to a file first"
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
    stamp = status.st_mode & S_IFMT == S_IFREG ? FileStamp(status) : nil
    stamp?.settle()
    length = UInt64(end)
  }

  deinit { close(descriptor) }

  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int {
    guard offset < length else { return 0 }
    let wanted = Int(min(UInt64(buffer.count), length - offset))
    var done = 0
    while done < wanted {
      let count = retryingInterrupts {
        pread(descriptor, buffer.baseAddress! + done, wanted - done, off_t(offset) + off_t(done))
      }
      guard count >= 0 else { throw Self.failure("read", at: offset + UInt64(done)) }
      if count == 0 { break }  // the file has shrunk
      done += count
    }
    return done
  }

  package func checkUnchanged(path: [UInt8]?) throws(ImageReadError) {
    guard let stamp else { return }
    let isSame =
      FileStamp(descriptor: descriptor) == stamp
      && path.map { FileStamp(path: $0) == stamp } ?? true
    guard isSame else {
      throw ImageReadError(
        .unreadable, "changed while it was read; try again when nothing writes to it")
    }
  }

  private static func failure(_ action: String, at offset: UInt64? = nil) -> ImageReadError {
    ImageReadError(.unreadable, at: offset, SystemError(action).description)
  }
}
