/// The destination of regular files' bytes while a source is read.
///
/// The calls for one file are `begin`, then any number of `withFreeSpace` and `addHole`, then
/// `end`, or `abandon` where the file turned out to be unreadable.
public protocol ContentSink: AnyObject {
  /// Starts a file.
  ///
  /// - Parameters:
  ///   - size: the announced number of bytes, if known.
  ///   - rank: the position of the file among those that should lie side by side; `nil` if it is
  ///     not one of them.
  ///   - old: the file of an old image whose blocks this one may have too.
  /// - Throws: `ContentTooLarge`, here or later, and write errors.
  func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws

  /// Lends free space to be filled from the start: the source reads straight into it.
  ///
  /// - Parameter body: fills some of the space and returns the number of bytes filled; 0 does not
  ///   end the file.
  /// - Returns: what `body` returned.
  @discardableResult
  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int

  /// Appends `count` zero bytes without reading them.
  func addHole(_ count: UInt64) throws

  /// Ends the file.
  func end() throws -> ContentID

  /// Drops the current file.
  func abandon() throws
}

extension ContentSink {
  /// Starts a file that may lie anywhere, and of which no old image is known.
  public func begin(size: UInt64?) throws { try begin(size: size, rank: nil, old: nil) }

  /// Appends a copy of `bytes`.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let taken = try withFreeSpace { space in
        let count = min(space.count, rest.count)
        space.baseAddress!.copyMemory(
          from: rest.base.baseAddress! + rest.startIndex, byteCount: count)
        return count
      }
      rest = rest.dropFirst(taken)
    }
  }
}

/// Thrown by a sink for a file larger than it can take.
public struct ContentTooLarge: Error {
  /// What is too large, and what to do about it.
  public let reason: String

  public init(_ reason: String) { self.reason = reason }
}

/// A regular file of an old image, as the reader of that image numbers it.
public struct OldFile: Hashable, Sendable {
  public let number: UInt64

  public init(number: UInt64) { self.number = number }
}

/// The content of a regular file, as its sink numbers it.
public struct ContentID: Hashable, Sendable {
  public let number: UInt32

  public init(number: UInt32) { self.number = number }
}
