/// The unpacked contents of any number of successive streams of one compression. Leaves what
/// comes after them in `source`.
final class UnpackingInput: ByteInput {
  private let source: PushbackInput
  private let format: StreamFormat
  private let path: [UInt8]
  private let decoder: any StreamDecoder
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  /// The part of the source's latest bytes that is still packed.
  private var packed = UnsafeRawBufferPointer(start: nil, count: 0)
  private var isInStream = true
  private var isAtEnd = false
  private(set) var position: Int64 = 0

  /// - Parameter source: positioned at the start of a stream.
  init(
    _ source: PushbackInput, _ format: StreamFormat, decoder: any StreamDecoder, path: [UInt8]
  ) {
    self.source = source
    self.format = format
    self.decoder = decoder
    self.path = path
  }

  deinit { buffer.deallocate() }

  func next() throws -> UnsafeRawBufferPointer {
    var free = buffer
    while !isAtEnd && !free.isEmpty {
      if !isInStream {
        guard try startsStream() else { break }
      }
      if packed.isEmpty { packed = try source.next() }
      let (before, room) = (packed.count, free.count)
      do throws(StreamDamage) {
        isInStream = try !decoder.decode(&packed, into: &free)
      } catch {
        throw format.damaged(path, error.reason)
      }
      if isInStream && packed.count == before && free.count == room {
        guard before == 0 else { throw format.damaged(path, "it cannot be decoded") }
        // Return what we have; the next call comes here again.
        if free.count < buffer.count { break }
        throw format.cutOff(path)
      }
    }
    let count = buffer.count - free.count
    position += Int64(count)
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  /// Between streams, zero bytes are padding if another stream follows.
  private func startsStream() throws -> Bool {
    if packed.count >= StreamFormat.longestStart && format.begins(packed) {
      isInStream = true
      return true
    }
    source.unread(packed)
    packed = UnsafeRawBufferPointer(start: nil, count: 0)
    try source.skipZeros()
    let start = try source.peek(StreamFormat.longestStart)
    isInStream = format.begins(start)
    isAtEnd = !isInStream
    if format.begins(cutOff: start) && !isInStream {
      throw format.cutOff(path)
    }
    return isInStream
  }
}
