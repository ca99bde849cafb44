import CFuse
import Glibc
import TreeModel

/// A request of the kernel; it is answered exactly once, by any thread.
struct Request: @unchecked Sendable {
  let pointer: OpaquePointer

  /// - Parameter error: an `errno`.
  func fail(_ error: Int32) { cfuse_reply_error(pointer, error) }

  func reply(_ bytes: UnsafeRawBufferPointer) {
    cfuse_reply_bytes(pointer, bytes.baseAddress, bytes.count)
  }

  func reply(_ bytes: [UInt8]) { bytes.withUnsafeBytes { reply($0) } }

  func reply(pieces: [iovec]) {
    pieces.withUnsafeBufferPointer {
      cfuse_reply_pieces(pointer, $0.baseAddress, Int32(clamping: $0.count))
    }
  }

  /// Answers a question whose answer is of any size: an asker without room wants to know that size.
  func reply(_ bytes: [UInt8], room: Int) {
    if room == 0 {
      cfuse_reply_size(pointer, bytes.count)
    } else if bytes.count > room {
      fail(ERANGE)
    } else {
      reply(bytes)
    }
  }

  /// Whether the asker may see attributes for administrators.
  var isFromRoot: Bool { cfuse_user(pointer) == 0 }
}
