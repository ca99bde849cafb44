import CLinux
import Glibc
import Posix
import Synchronization

/// The way on which the process that answers the kernel's requests, which has no rights, gets a secret
/// that only the superuser can read: it asks the one that waits for its end.
package final class SecretChannel: Sendable {
  /// The most bytes of a secret.
  static let mostBytes = 64 << 10

  private let socket: Mutex<Int32>

  /// - Parameter socket: an end of `pair`, which this closes.
  init(_ socket: Int32) { self.socket = Mutex(socket) }

  deinit { close(socket.withLock { $0 }) }

  /// Both ends of a way: that of who asks, and that of who answers.
  static func pair() throws(SystemError) -> (asks: Int32, answers: Int32) {
    var ends: [Int32] = [-1, -1]
    // Each answer is one message.
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw SystemError("make a socket") }
    return (ends[0], ends[1])
  }

  /// Waits for the secret, as it is now.
  ///
  /// - Returns: `nil` if nobody answers.
  package func ask() -> [UInt8]? {
    socket.withLock { socket in
      var request: UInt8 = 0
      guard send(socket, &request, 1, Int32(MSG_NOSIGNAL)) == 1 else { return nil }
      var answer = [UInt8](repeating: 0, count: Self.mostBytes + 1)
      let count = retryingInterrupts { recv(socket, &answer, answer.count, 0) }
      // Its first byte only makes it one.
      return count > 1 ? Array(answer[1..<count]) : nil
    }
  }
}

/// The process that answers there.
struct SecretKeeper {
  let socket: Int32
  /// Finds the secret; runs in a process of its own each time, because it may take long and start
  /// threads.
  let tell: () -> [UInt8]

  /// Answers until the other process has ended.
  func serve() {
    var request: UInt8 = 0
    while retryingInterrupts({ recv(socket, &request, 1, 0) }) == 1 {
      guard let secret = find() else { return }
      let answer = [0] + secret
      guard send(socket, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else {
        return
      }
    }
  }

  /// - Returns: `nil` if the other process does not wait for it any longer; nothing if it cannot be
  ///   found.
  private func find() -> [UInt8]? {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { return [] }
    let process = clinux_fork()
    if process == 0 {
      close(ends[0])
      _exit(
        MountProcesses.inNewThread(Privileges.reduceToReading) {
          writeFully(ends[1], tell()) ? 0 : 1
        })
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard process > 0 else { return [] }
    defer {
      kill(process, SIGKILL)
      _ = ChildProcess.wait(for: process)
    }
    var secret: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      var states = [ends[0], socket].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard retryingInterrupts({ Int(poll(&states, 2, -1)) }) > 0 else { return [] }
      // It says nothing while it waits.
      if states[1].revents != 0 { return nil }
      let count = retryingInterrupts { read(ends[0], &buffer, buffer.count) }
      if count <= 0 { return secret }
      secret += buffer[..<count]
      if secret.count > SecretChannel.mostBytes { return [] }
    }
  }
}
