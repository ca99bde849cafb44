public import Glibc

/// A system call that failed on a file.
public struct SystemError: Error, CustomStringConvertible {
  /// The file involved, as bytes; empty if there is none.
  public var path: [UInt8]
  /// What was being done, as a verb phrase: "open", "write".
  public var action: String
  /// The C `errno`.
  public var code: Int32

  public init(_ action: String, path: [UInt8] = [], code: Int32 = errno) {
    self.action = action
    self.path = path
    self.code = code
  }

  public init(_ action: String, path: some ByteString, code: Int32 = errno) {
    self.init(action, path: path.bytes, code: code)
  }

  public var description: String {
    "cannot \(action): \(code == ENOMEM ? "not enough memory" : reason)\(remedy)"
  }

  /// The system's message.
  public var reason: String { Self.reason(code) }

  /// The system's message for an `errno`.
  public static func reason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

  private var remedy: String {
    switch code {
    case ENOSPC, EDQUOT: "; free some space or choose another place"
    case EACCES, EPERM: "; check its permissions, or run as a user with access"
    case ENOMEM: "; free some, or raise its limit (ulimit -v)"
    case EMFILE, ENFILE: "; raise the limit on open files (ulimit -n)"
    default: ""
    }
  }
}

/// Repeats a system call while a signal interrupts it.
@inlinable @inline(__always)
public func retryingInterrupts<R: FixedWidthInteger>(_ call: () -> R) -> R {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
