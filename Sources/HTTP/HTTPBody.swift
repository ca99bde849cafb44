import Glibc
package import Posix

/// The body of a request: bytes in memory and ranges of files, in a row. Sending copies none of them.
package struct HTTPBody: Sendable {
  enum Piece: Sendable {
    case bytes([UInt8])
    case file(any BodySource, offset: UInt64, count: Int)

    var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  private(set) var pieces: [Piece] = []
  package private(set) var count = 0
  /// The SHA-256 of all of it, if it is known; otherwise it is computed for each signature.
  package var sha256: [UInt8]?

  package init() {}

  package init(_ bytes: [UInt8]) { append(bytes) }

  package init(_ file: some BodySource, _ range: Range<UInt64>) { append(file, range) }

  package var isEmpty: Bool { count == 0 }

  package mutating func append(_ bytes: [UInt8]) {
    if !bytes.isEmpty { add(.bytes(bytes)) }
  }

  /// Appends a range of a file, which must keep its contents until the request has ended. A file that
  /// is too short then is an error of the request.
  package mutating func append(_ file: some BodySource, _ range: Range<UInt64>) {
    // Beyond that no file can be.
    let count = Int(clamping: range.count)
    if count > 0 { add(.file(file, offset: range.lowerBound, count: count)) }
  }

  package mutating func append(_ other: HTTPBody) {
    for piece in other.pieces { add(piece) }
  }

  /// A part of it.
  ///
  /// - Parameter range: within `0..<count`.
  package func slice(_ range: Range<Int>) -> HTTPBody {
    var result = HTTPBody()
    var start = 0
    for piece in pieces {
      let part = range.clamped(to: start..<(start + piece.count))
      if !part.isEmpty {
        let (first, count) = (part.lowerBound - start, part.count)
        switch piece {
        case .bytes(let bytes): result.append(Array(bytes[first..<(first + count)]))
        case .file(let file, let offset, _):
          result.add(.file(file, offset: offset + UInt64(first), count: count))
        }
      }
      start += piece.count
    }
    return result
  }

  private mutating func add(_ piece: Piece) {
    pieces.append(piece)
    let (sum, isTooLarge) = count.addingReportingOverflow(piece.count)
    count = isTooLarge ? .max : sum
    sha256 = nil
  }

  /// Copies bytes from `offset` on, until the buffer is full or the body ends.
  ///
  /// - Throws: `SystemError` if a file cannot be read, or has become shorter.
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(SystemError) -> Int {
    var start = offset
    var done = 0
    for piece in pieces where done < buffer.count {
      guard start < piece.count else {
        start -= piece.count
        continue
      }
      let wanted = min(buffer.count - done, piece.count - start)
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + wanted)])
      switch piece {
      case .bytes(let bytes):
        bytes.withUnsafeBytes {
          target.copyMemory(from: .init(rebasing: $0[start..<(start + wanted)]))
        }
      case .file(let file, let place, _): try file.read(target, at: place + UInt64(start))
      }
      done += wanted
      start = 0
    }
    return done
  }
}

/// A file that bodies are read from; by any thread.
package protocol BodySource: AnyObject, Sendable {
  /// Fills a buffer.
  ///
  /// - Throws: `SystemError` if the file cannot be read, or ends before.
  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
}

extension ScratchFile: BodySource {}

/// A file that is open for reading.
package final class OpenFile: BodySource {
  private let descriptor: Descriptor

  package init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

  /// For system calls; never close it.
  package var number: Int32 { descriptor.number }

  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(SystemError) {
    guard offset <= UInt64(Int64.max) else { throw SystemError("read", code: EINVAL) }
    let count = readFully(descriptor.number, into: buffer, at: offset)
    guard count == buffer.count else {
      throw SystemError("read all of it", code: count < 0 ? errno : EIO)
    }
  }
}
