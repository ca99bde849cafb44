/// Where the bytes of regular files go while a source is read.
///
/// The calls for one file are `begin`, then any number of `withFreeSpace` and `addHole`, then
/// `end`, or `abandon` where the file turned out to be unreadable.
public protocol ContentSink: AnyObject {
  /// Starts a file.
  ///
  /// - Parameters:
  ///   - size: the announced number of bytes, where known.
  ///   - rank: the place of the file among those that should lie side by side, `nil` where it is
  ///     none of them.
  /// - Throws: `ContentTooLarge`, here or later, and errors of writing.
  func begin(size: UInt64?, rank: UInt32?) throws

  /// Lends free space to be filled from the start: the source reads straight into it.
  ///
  /// - Parameter body: fills some of the space and returns the number of bytes filled; 0 ends
  ///   nothing.
  /// - Returns: what `body` returned.
  @discardableResult
  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int

  /// Appends `count` zero bytes without their being read anywhere.
  func addHole(_ count: UInt64) throws

  /// Ends the file.
  func end() throws -> ContentID

  /// Drops the file begun last.
  func abandon() throws
}

extension ContentSink {
  /// Starts a file that may lie anywhere.
  public func begin(size: UInt64?) throws { try begin(size: size, rank: nil) }

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

/// What a sink throws for a file that is larger than it can take.
public struct ContentTooLarge: Error {
  /// What is too large, and what helps.
  public let reason: String

  public init(_ reason: String) { self.reason = reason }
}

/// The content of a regular file, as its sink numbers it.
public struct ContentID: Hashable, Sendable {
  public let number: UInt32

  public init(number: UInt32) { self.number = number }
}
