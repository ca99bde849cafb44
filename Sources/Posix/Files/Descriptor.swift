public import Glibc

/// An open file descriptor that closes when its owner goes away.
public struct Descriptor: ~Copyable, Sendable {
  /// For system calls; never close it.
  public let number: Int32

  /// Takes over a descriptor that a system call returned.
  ///
  /// - Returns: `nil` for -1, the sign of failure; `errno` says why.
  public init?(_ number: Int32) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  /// Opens a path.
  ///
  /// - Parameters:
  ///   - flags: those of open(2); `O_CLOEXEC` is always added.
  ///   - folder: where a relative path starts.
  ///   - mode: the permissions of a new file.
  /// - Returns: `nil` on failure; `errno` says why.
  public init?(opening path: [UInt8], _ flags: Int32, in folder: Int32 = AT_FDCWD, mode: mode_t = 0)
  {
    self.init(path.withCPath { openat(folder, $0, flags | O_CLOEXEC, mode) })
  }

  deinit { close(number) }

  /// Hands the descriptor to the caller, who must close it.
  public consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}

/// Reads until a buffer is full or the file ends.
///
/// - Parameter offset: the position in the file; `nil` for the current one.
/// - Returns: the number of bytes, or -1 with `errno`.
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

/// Writes all of the bytes.
///
/// - Parameter offset: the position in the file; `nil` for the current one.
/// - Returns: whether it succeeded; if not, `errno` says why.
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
      // The device would never take the rest.
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

/// The target of a symbolic link.
///
/// - Parameter name: a name in the open directory; empty for the link that `folder` itself is.
/// - Returns: `nil` if there is no link; `errno` says why.
public func readLink(_ name: [UInt8], in folder: Int32 = AT_FDCWD) -> [UInt8]? {
  let buffer = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
    count = max(0, name.withCPath { readlinkat(folder, $0, buffer.baseAddress!, buffer.count) })
  }
  return buffer.isEmpty ? nil : buffer
}
