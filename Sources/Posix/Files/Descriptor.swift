public import Glibc

/// An open file, closed with its owner.
public struct Descriptor: ~Copyable, Sendable {
  /// For system calls; never to be closed.
  public let number: Int32

  /// Takes over what a system call has opened.
  ///
  /// - Returns: `nil` for -1, which says that it has not; `errno` says why.
  public init?(_ number: Int32) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  /// Opens what a path leads to.
  ///
  /// - Parameters:
  ///   - flags: of open(2); `O_CLOEXEC` is always among them.
  ///   - folder: what a relative path starts from.
  ///   - mode: of a file that is made.
  /// - Returns: `nil` where it cannot be opened; `errno` says why.
  public init?(opening path: [UInt8], _ flags: Int32, in folder: Int32 = AT_FDCWD, mode: mode_t = 0)
  {
    self.init(path.withCPath { openat(folder, $0, flags | O_CLOEXEC, mode) })
  }

  deinit { close(number) }

  /// Hands it to somebody else, who closes it.
  public consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}

/// Reads until a buffer is full or the file ends.
///
/// - Parameter offset: where in the file; `nil` for where the descriptor stands.
/// - Returns: the count of bytes, or -1 and `errno`.
public func readFully(
  _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64? = nil
) -> Int {
  var done = 0
  while done < buffer.count {
    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
    let count = retryingInterrupts {
      if let offset {
        pread(descriptor, rest.baseAddress!, rest.count, off_t(offset) + off_t(done))
      } else {
        read(descriptor, rest.baseAddress!, rest.count)
      }
    }
    if count < 0 { return -1 }
    if count == 0 { break }
    done += count
  }
  return done
}

/// Writes all of some bytes.
///
/// - Parameter offset: where in the file; `nil` for where the descriptor stands.
/// - Returns: whether it could be done; else `errno` says why not.
public func writeFully(
  _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64? = nil
) -> Bool {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let count = retryingInterrupts {
      if let offset {
        pwrite(descriptor, rest.baseAddress!, rest.count, off_t(offset) + off_t(done))
      } else {
        write(descriptor, rest.baseAddress!, rest.count)
      }
    }
    guard count > 0 else {
      // Nothing would make a device take the rest.
      if count == 0 { errno = EIO }
      return false
    }
    done += count
  }
  return true
}

/// `writeFully` for an array.
public func writeFully(_ descriptor: Int32, _ bytes: [UInt8], at offset: UInt64? = nil) -> Bool {
  bytes.withUnsafeBytes { writeFully(descriptor, $0, at: offset) }
}

/// Where a symbolic link leads.
///
/// - Parameter name: in the open directory; empty for the link that `folder` itself is.
/// - Returns: `nil` where there is none; `errno` says why.
public func readLink(_ name: [UInt8], in folder: Int32 = AT_FDCWD) -> [UInt8]? {
  let buffer = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
    count = max(0, name.withCPath { readlinkat(folder, $0, buffer.baseAddress!, buffer.count) })
  }
  return buffer.isEmpty ? nil : buffer
}
