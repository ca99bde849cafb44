/// A stream with lookahead and pushback.
final class PushbackInput: ByteInput {
  private let input: any ByteInput
  /// The bytes given back or looked at lie from `start` to `end`.
  private var held = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
  private var start = 0
  private var end = 0

  init(_ input: any ByteInput) { self.input = input }

  deinit { held.deallocate() }

  var position: Int64 { input.position - Int64(end - start) }

  func next() throws -> UnsafeRawBufferPointer {
    guard start < end else { return try input.next() }
    defer { start = end }
    return UnsafeRawBufferPointer(rebasing: held[start..<end])
  }

  /// Makes `next` deliver these bytes, the latest ones, once more.
  func unread(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    if bytes.baseAddress == UnsafeRawPointer(held.baseAddress! + start - min(start, bytes.count)),
      bytes.count <= start
    {
      start -= bytes.count  // they are still there
      return
    }
    let whole = Self.room(for: bytes.count + end - start)
    whole.copyMemory(from: bytes)
    move(to: whole, at: bytes.count)
    start = 0
  }

  /// The next `count` bytes, or all if there are fewer, without consuming them. Valid until the
  /// next call.
  func peek(_ count: Int) throws -> UnsafeRawBufferPointer {
    while end - start < count {
      let more = try input.next()
      if more.isEmpty { break }
      if start == end { (start, end) = (0, 0) }
      if held.count - end < more.count {
        // Double the size each time, so that small pieces are not copied over and over.
        move(to: Self.room(for: 2 * (end - start) + more.count), at: 0)
        start = 0
      }
      UnsafeMutableRawBufferPointer(rebasing: held[end...]).copyMemory(from: more)
      end += more.count
    }
    return UnsafeRawBufferPointer(rebasing: held[start..<min(end, start + count)])
  }

  private static func room(for count: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: count, alignment: 1)
  }

  /// Moves the held bytes to another buffer, `offset` bytes behind its start.
  private func move(to whole: UnsafeMutableRawBufferPointer, at offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: whole[offset...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: held[start..<end]))
    end = offset + end - start
    held.deallocate()
    held = whole
  }

  /// Consumes bytes that `peek` returned.
  func skip(_ count: Int) {
    precondition(count <= end - start)
    start += count
  }

  /// Consumes `count` bytes, or all if there are fewer.
  func skip(upTo count: Int64) throws {
    var rest = count
    while rest > 0 {
      let bytes = try next()
      if bytes.isEmpty { return }
      let taken = Int(min(rest, Int64(bytes.count)))
      unread(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
      rest -= Int64(taken)
    }
  }

  /// Consumes zero bytes.
  func skipZeros() throws {
    while true {
      let bytes = try next()
      if bytes.isEmpty { return }
      if let other = bytes.firstIndex(where: { $0 != 0 }) {
        return unread(UnsafeRawBufferPointer(rebasing: bytes[other...]))
      }
    }
  }

  /// Consumes the rest, so that its own checks run too.
  ///
  /// - Returns: the number of bytes.
  func drain() throws -> Int64 {
    var count: Int64 = 0
    while true {
      let bytes = try next()
      if bytes.isEmpty { return count }
      count += Int64(bytes.count)
    }
  }
}
