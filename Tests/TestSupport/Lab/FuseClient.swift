import Glibc
import Posix

/// Asks a FUSE server what the kernel would ask it, through a socket in place of /dev/fuse. Any number
/// of threads may ask.
///
/// Layout: linux/fuse.h, protocol 7.38.
public final class FuseClient: @unchecked Sendable {
  public enum Operation: UInt32, CaseIterable, Sendable {
    case lookup = 1
    case attributes = 3
    case target = 5
    case read = 15
    case statistics = 17
    case xattr = 22
    case xattrs = 23
    case initialize = 26
    case list = 28
    case interrupt = 36
    case listPlus = 44
    case seek = 46
  }

  public struct Answer: Sendable {
    /// An `errno`, or 0.
    public var error: Int32
    public var bytes: [UInt8]
  }

  /// What a server mounts on; it closes that.
  public var folder: [UInt8] { Array("/dev/fd/\(far)".utf8) }
  /// The most bytes of an answer.
  public let mostBytes: Int

  private let near: Int32
  private let far: Int32
  private let monitor = Monitor(conditions: 1)
  // Guarded by `monitor`.
  private var answers: [UInt64: Answer] = [:]
  private var isReceiving = false
  private var number: UInt64 = 0

  /// Of an answer.
  private static let headerSize = 16

  public init() throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else {
      throw SystemError("make a pair of sockets")
    }
    (near, far) = (ends[0], ends[1])
    var room: Int32 = 4 << 20
    var size = socklen_t(MemoryLayout<Int32>.size)
    if setsockopt(far, SOL_SOCKET, SO_SNDBUFFORCE, &room, size) != 0 {
      setsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, size)
    }
    getsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, &size)
    mostBytes = Int(room) / 2 - 4096
  }

  deinit { close(near) }

  /// Ends the connection, and so the server's threads.
  public func disconnect() { shutdown(near, Int32(SHUT_RDWR)) }

  // MARK: Asking

  /// Introduces itself, as the kernel does first: before a session serves.
  ///
  /// - Returns: the request's number.
  public func begin() -> UInt64 {
    // Asynchronous reads, large directories' and links' caching, no opening: FUSE_ASYNC_READ,
    // DO_READDIRPLUS, NO_OPEN_SUPPORT, PARALLEL_DIROPS, MAX_PAGES, CACHE_SYMLINKS, NO_OPENDIR_SUPPORT.
    let flags = [0, 13, 17, 18, 22, 23, 24].reduce(0 as UInt32) { $0 | 1 << $1 }
    let body = Self.bytes(7 as UInt32, 38 as UInt32, 128 << 10 as UInt32, flags)
    return send(.initialize, 0, body + [UInt8](repeating: 0, count: 48))
  }

  /// Asks, and waits for the answer.
  public func ask(_ operation: Operation, _ node: UInt64, _ body: [UInt8] = []) -> Answer {
    answer(to: send(operation, node, body))
  }

  /// Asks.
  ///
  /// - Parameter user: who asks.
  /// - Returns: the request's number.
  public func send(
    _ operation: Operation, _ node: UInt64, _ body: [UInt8] = [], user: UInt32 = 0
  ) -> UInt64 {
    let number = monitor.withLock { () -> UInt64 in
      // Odd numbers are for interruptions.
      self.number += 2
      return self.number
    }
    transmit(operation, node, number, body, user: user)
    return number
  }

  /// Says that nobody waits for the answer to a request.
  public func interrupt(_ number: UInt64) {
    transmit(.interrupt, 0, number + 1, Self.bytes(number), user: 0)
  }

  private func transmit(
    _ operation: Operation, _ node: UInt64, _ number: UInt64, _ body: [UInt8], user: UInt32
  ) {
    let message =
      Self.bytes(UInt32(40 + body.count), operation.rawValue) + Self.bytes(number, node)
      + Self.bytes(user, user, 1 as UInt32, 0 as UInt32) + body
    let count = write(near, message, message.count)
    precondition(count == message.count, "the server takes no messages")
  }

  /// Waits for the answer to a request.
  public func answer(to number: UInt64) -> Answer {
    while true {
      let answer = monitor.withLock { () -> Answer? in
        while true {
          if let answer = answers.removeValue(forKey: number) { return answer }
          if !isReceiving {
            isReceiving = true
            return nil
          }
          monitor.wait(on: 0)
        }
      }
      if let answer { return answer }
      let (other, received) = next()
      monitor.withLock {
        answers[other] = received
        isReceiving = false
        monitor.broadcast(0)
      }
    }
  }

  private func next() -> (UInt64, Answer) {
    let message = [UInt8](unsafeUninitializedCapacity: mostBytes) { buffer, count in
      count = max(0, retryingInterrupts { Glibc.read(near, buffer.baseAddress!, mostBytes) })
    }
    precondition(message.count >= Self.headerSize, "the server has ended")
    precondition(message.number(0, UInt32.self) == message.count)
    let error = Int32(bitPattern: message.number(4, UInt32.self))
    precondition(error <= 0)
    return (
      message.number(8, UInt64.self),
      Answer(error: -error, bytes: Array(message[Self.headerSize...]))
    )
  }

  /// Numbers as the kernel writes them.
  public static func bytes<each N: FixedWidthInteger>(_ numbers: repeat each N) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in repeat each numbers { withUnsafeBytes(of: number) { bytes += $0 } }
    return bytes
  }
}

extension [UInt8] {
  /// The number at a place, as the kernel writes it.
  public func number<N: FixedWidthInteger & BitwiseCopyable>(_ place: Int, _ type: N.Type) -> N {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: N.self) }
  }
}
