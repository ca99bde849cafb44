/// What stores say to uploads. The names of the roots differ among stores.
package enum UploadAnswers {
  /// The ID of an upload that has been created.
  ///
  /// - Throws: `StoreError` with the code `badAnswer`.
  package static func uploadID(_ body: [UInt8]) throws(StoreError) -> String {
    let root = try XMLScanner.parse(body)
    guard root.name != "Error", let id = root["UploadId"]?.string,
      (1...4096).contains(id.utf8.count)
    else { throw StoreError(.badAnswer, "the store gives the upload no valid ID") }
    return id
  }

  /// How a completion has ended; an error may come with the status 200.
  package enum Completion: Equatable, Sendable {
    /// - Parameter checksum: the CRC-64/NVME of the whole object, in base64.
    case object(etag: String, checksum: String?)
    case fault(code: String)
  }

  /// - Throws: `StoreError` with the code `badAnswer`.
  package static func completion(_ body: [UInt8]) throws(StoreError) -> Completion {
    let root = try XMLScanner.parse(body)
    if root.name == "Error" { return .fault(code: root["Code"]?.string ?? "") }
    guard let etag = root["ETag"]?.string, isETag(etag) else {
      throw StoreError(.badAnswer, "the store does not say what became of the upload")
    }
    return .object(etag: etag, checksum: root["ChecksumCRC64NVME"]?.string)
  }

  /// A part that a store has.
  package struct Part: Equatable, Sendable {
    package var number: Int
    package var etag: String
    package var length: UInt64
  }

  /// A page of the list of parts of an upload.
  ///
  /// - Throws: `StoreError` with the code `badAnswer`.
  package static func parts(_ body: [UInt8]) throws(StoreError) -> [Part] {
    let root = try XMLScanner.parse(body)
    let bad = StoreError(.badAnswer, "the store's list of parts makes no sense")
    guard root.name != "Error" else { throw bad }
    var parts: [Part] = []
    for entry in root.all("Part") {
      guard let number = entry["PartNumber"].flatMap({ Int($0.string) }),
        (1...PartSize.mostParts).contains(number), let etag = entry["ETag"]?.string, isETag(etag),
        let length = entry["Size"].flatMap({ UInt64($0.string) })
      else { throw bad }
      parts.append(Part(number: number, etag: etag, length: length))
    }
    return parts
  }

  /// Whether a text can stand in a header and in XML.
  static func isETag(_ text: String) -> Bool {
    (1...1024).contains(text.utf8.count)
      && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && !"<>&".utf8.contains($0) }
  }
}
