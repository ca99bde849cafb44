import HTTP
import Synchronization

/// One version of an object, from which ranges are fetched. Any number of threads may fetch.
final class VersionedSource: Sendable {
  private let location: ObjectLocation
  private let store: Store
  private let version: ObjectVersion
  /// The version's name in a bucket that keeps old ones.
  private let id: String?
  /// Whether another version has taken its place, so that it must be asked for by name.
  private let isOld = Atomic(false)

  static let replaced = StoreError(.replaced, "was replaced while it was read; try again")

  init(_ location: ObjectLocation, _ store: Store, _ version: ObjectVersion, id: String?) {
    self.location = location
    self.store = store
    self.version = version
    self.id = id
  }

  /// - Returns: exactly these bytes.
  /// - Throws: `StoreError`, with the code `replaced` if the version is gone.
  func fetch(_ range: Range<UInt64>) throws(StoreError) -> [UInt8] {
    guard !isOld.load(ordering: .relaxed) else { return try fetchOld(range) }
    do throws(StoreError) {
      return try fetch(range, query: [])
    } catch {
      // To ask for versions by name takes another permission, so it is not done before.
      guard error.code == .replaced, id != nil else { throw error }
      do throws(StoreError) {
        let bytes = try fetchOld(range)
        isOld.store(true, ordering: .relaxed)
        return bytes
      } catch let other {
        throw other.code == .denied || other.code == .notFound ? error : other
      }
    }
  }

  private func fetchOld(_ range: Range<UInt64>) throws(StoreError) -> [UInt8] {
    try fetch(range, query: id.map { [("versionId", $0)] } ?? [])
  }

  private func fetch(
    _ range: Range<UInt64>, query: [(name: String, value: String)]
  ) throws(StoreError) -> [UInt8] {
    var headers = [HTTPHeader("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
    if let condition = version.condition { headers.append(condition) }
    let answer = try store.get(
      location, query: query, headers: headers, mostBytes: range.count)
    switch answer.status {
    case 412, 416: throw Self.replaced
    case 404, 410: throw StoreError(.replaced, "was deleted while it was read")
    default: break
    }
    let piece = try Piece(answer, of: location)
    guard piece.version == version else { throw Self.replaced }
    guard piece.start == range.lowerBound, piece.bytes.count == range.count else {
      throw Piece.otherRange
    }
    return piece.bytes
  }
}
