import CLibArchive
import Glibc
import Posix

/// A libarchive reader over a `ByteInput`.
package final class ArchiveHandle {
  package let raw: OpaquePointer
  private let path: [UInt8]
  private let feed: Feed

  /// The state that the callbacks see.
  private final class Feed {
    let input: any ByteInput
    var error: (any Error)?
    /// Called with each piece on its way to libarchive, and its position in the stream.
    var observe: (UnsafeRawBufferPointer, Int64) -> Void = { _, _ in }

    init(_ input: any ByteInput) { self.input = input }
  }

  /// Opens the archive.
  ///
  /// - Parameter configure: chooses the formats and filters.
  package init(
    _ input: any ByteInput, path: [UInt8],
    observe: @escaping (UnsafeRawBufferPointer, Int64) -> Void = { _, _ in },
    configure: (OpaquePointer) -> Void
  ) throws {
    try Libarchive.load(for: path)
    guard let raw = archive_read_new() else {
      throw SourceError(.unreadable, path: path, "not enough memory to read the archive")
    }
    self.raw = raw
    self.path = path
    feed = Feed(input)
    feed.observe = observe
    configure(raw)
    archive_read_set_callback_data(raw, Unmanaged.passUnretained(feed).toOpaque())
    archive_read_set_read_callback(raw) { archive, context, buffer in
      let feed = Unmanaged<Feed>.fromOpaque(context!).takeUnretainedValue()
      do {
        let bytes = try feed.input.next()
        feed.observe(bytes, feed.input.position - Int64(bytes.count))
        buffer!.pointee = bytes.baseAddress
        return bytes.count
      } catch {
        feed.error = error
        return -1
      }
    }
    if input.isSeekable {
      archive_read_set_seek_callback(raw) { archive, context, offset, whence in
        let feed = Unmanaged<Feed>.fromOpaque(context!).takeUnretainedValue()
        let length = feed.input.length ?? 0
        let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? feed.input.position : length
        let (target, overflow) = offset.addingReportingOverflow(base)
        // Nothing lies beyond the end; libarchive then finds the archive cut off.
        guard !overflow, target >= 0, target <= length else { return -1 }
        do {
          try feed.input.seek(to: target)
          return target
        } catch {
          feed.error = error
          return -1
        }
      }
    }
    guard archive_read_open1(raw) == ARCHIVE_OK else {
      if let error = feed.error { throw error }
      if LibarchiveMessage.cutOff.isSaid(in: message) { throw failure() }
      throw SourceError(.unreadable, path: path, Self.unknownKind)
    }
  }

  /// The error for other files; callers who know more add to it.
  static let unknownKind = "not an archive of a known kind"

  deinit { archive_read_free(raw) }

  /// The error from the last call.
  ///
  /// - Parameters:
  ///   - entry: the member involved.
  ///   - previous: the member before it.
  package func failure(entry: [UInt8]? = nil, after previous: [UInt8]? = nil) -> any Error {
    if let error = feed.error { return error }
    let place =
      entry.map { " at \($0.escapedName)" } ?? previous.map { " after \($0.escapedName)" } ?? ""
    if LibarchiveMessage.encrypted.isSaid(in: message) {
      return SourceError(
        .refused, path: path, "the archive is encrypted\(place); unpack it with its password first")
    }
    if LibarchiveMessage.needsSeeking.isSaid(in: message) {
      return SourceError(
        .refused, path: path,
        "archives of this kind cannot be read as a stream; name the plain file")
    }
    // If libarchive gives no message, it found too few bytes.
    guard hasMessage else {
      return SourceError.cutOff(path, at: place)
    }
    return SourceError.damagedOrCutOff(
      path, at: place, message, isCutOff: LibarchiveMessage.cutOff.isSaid(in: message))
  }

  /// Whether libarchive gives a message.
  var hasMessage: Bool { archive_error_string(raw) != nil }

  /// The last message from libarchive; it may contain names.
  var message: String {
    guard let text = archive_error_string(raw) else { return "unknown problem" }
    // Some messages end with a newline.
    var bytes = [UInt8](cString: text)
    while bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return bytes.escapedName
  }

  /// The number of bytes that the format has consumed.
  var consumed: Int64 { archive_filter_bytes(raw, 0) }

  /// Reads and observes more of the input than libarchive asked for; for use at the end.
  ///
  /// - Returns: whether there was more.
  func readAhead() throws -> Bool {
    if let error = feed.error { throw error }
    let bytes = try feed.input.next()
    feed.observe(bytes, feed.input.position - Int64(bytes.count))
    return !bytes.isEmpty
  }
}
