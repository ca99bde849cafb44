import HTTP

/// A checked answer to a request for a range.
struct Piece {
  let start: UInt64
  let bytes: [UInt8]
  let version: ObjectVersion
  /// The version's name in a bucket that keeps old ones.
  let versionID: String?

  static let otherRange = StoreError(
    .badAnswer, "the server sent other bytes than those asked for")

  init(_ answer: HTTPAnswer, of location: ObjectLocation) throws(StoreError) {
    switch answer.status {
    case 206: break
    // Some servers forget the status, but say what they sent.
    case 200 where answer.header("Content-Range") != nil: break
    case 200:
      // A short object may come whole.
      guard answer.header("Accept-Ranges") == "bytes",
        UInt64(answer.body.count) <= RemoteObject.endBytes
      else {
        throw StoreError(
          .badAnswer,
          "this server sends files only whole, but an image is read in parts; fetch it with curl")
      }
    case 416:
      throw StoreError(
        .badAnswer, "is empty: the upload did not finish, or it is a folder's mark")
    default: throw StoreFault(answer).error(about: location)
    }
    if let encoding = answer.header("Content-Encoding"), encoding != "identity" {
      throw StoreError(
        .badAnswer,
        "is stored with Content-Encoding: \(encoding.prefix(40)), so its bytes are not the image's; "
          + "upload it without")
    }
    bytes = answer.body
    // "null" is what was there before the bucket kept versions.
    versionID = answer.header("x-amz-version-id").flatMap { $0 == "null" || $0.isEmpty ? nil : $0 }
    guard answer.status == 206 || answer.header("Content-Range") != nil else {
      start = 0
      version = try ObjectVersion(answer, length: UInt64(bytes.count))
      return
    }
    guard let range = answer.header("Content-Range").flatMap(ContentRange.init) else {
      throw StoreError(.badAnswer, "the server does not say which bytes it sent")
    }
    guard range.range.count == bytes.count else { throw Self.otherRange }
    start = range.range.lowerBound
    version = try ObjectVersion(answer, length: range.total)
  }
}
