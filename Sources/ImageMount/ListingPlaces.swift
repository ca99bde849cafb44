import SquashFS
import SquashFSFormat
import Synchronization

/// Where the latest listings of large directories stopped, so that the next request need not look
/// for the place from the start. Without it, the answer is the same.
final class ListingPlaces: Sendable {
  private struct Key: Hashable {
    var node: UInt64
    var header: UInt32
  }

  private struct Shared {
    var places: [Key: MetadataReference] = [:]
    var order: [Key] = []
    var oldest = 0
  }

  private let state = Mutex(Shared())
  private static let mostPlaces = 64

  subscript(node: UInt64, header: UInt32) -> MetadataReference? {
    state.withLock { $0.places[Key(node: node, header: header)] }
  }

  func note(_ place: MetadataReference, node: UInt64, header: UInt32) {
    let key = Key(node: node, header: header)
    state.withLock { shared in
      guard shared.places.updateValue(place, forKey: key) == nil else { return }
      if shared.order.count < Self.mostPlaces {
        shared.order.append(key)
      } else {
        shared.places[shared.order[shared.oldest]] = nil
        shared.order[shared.oldest] = key
        shared.oldest = (shared.oldest + 1) % Self.mostPlaces
      }
    }
  }
}
