import CFuse
import Posix
import SquashFS
import SquashFSFormat

/// A place in a directory's listing, as the kernel keeps it.
enum ListingPlace: Equatable {
  /// Before the directory itself, ".".
  case start
  /// After the directory itself, before its parent, "..".
  case afterItself
  case entries(DirectoryCursor.Position)

  /// Positions begin with this number.
  private static let first: Int64 = 2
  /// The number of bits for the entries after a header, at most 256.
  private static let entryBits: Int64 = 9

  /// - Returns: `nil` for a number that is never given out.
  init?(_ number: Int64) {
    switch number {
    case 0: self = .start
    case 1: self = .afterItself
    case let number where number < 0: return nil
    case let number:
      let position = number - Self.first
      guard let header = UInt32(exactly: position >> Self.entryBits) else { return nil }
      let entries = UInt16(truncatingIfNeeded: position & (1 << Self.entryBits - 1))
      guard entries <= 256 else { return nil }
      self = .entries(DirectoryCursor.Position(header: header, entries: entries))
    }
  }

  var number: Int64 {
    switch self {
    case .start: 0
    case .afterItself: 1
    case .entries(let position):
      Self.first + Int64(position.header) << Self.entryBits + Int64(position.entries)
    }
  }
}

/// The entries that answer a request for a directory's listing.
final class ListingAnswer {
  let isPlus: Bool
  private let request: Request
  private let buffer: UnsafeMutableRawBufferPointer
  private var count = 0
  /// Where the listing goes on: the place of the header in the image, and its offset.
  var place: (reference: MetadataReference, header: UInt32)?

  /// - Parameter room: the most bytes.
  init(_ request: Request, room: Int, isPlus: Bool) {
    self.request = request
    self.isPlus = isPlus
    buffer = .allocate(byteCount: max(0, room), alignment: 8)
  }

  deinit { buffer.deallocate() }

  var isEmpty: Bool { count == 0 }

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - node: `nil` if only type and number are known.
  ///   - next: where the listing goes on after it.
  /// - Returns: whether there was room.
  func add(
    _ name: [UInt8], _ node: NodeNumber?, _ attributes: cfuse_attributes, next: ListingPlace
  ) -> Bool {
    var attributes = attributes
    let room = buffer.count - count
    guard let start = buffer.baseAddress else { return false }
    let size = name.withCPath { name in
      isPlus
        ? cfuse_add_entry_with_node(
          request.pointer, start + count, room, name, node?.rawValue ?? 0, &attributes,
          next.number)
        : cfuse_add_entry(request.pointer, start + count, room, name, &attributes, next.number)
    }
    guard size <= room else { return false }
    count += size
    return true
  }

  func send() { request.reply(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
}
