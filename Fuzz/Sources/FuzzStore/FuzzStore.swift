import HTTP
import ObjectStore

/// What servers, users and configuration files say about objects: the first byte chooses the reader.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  guard let kind = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  switch kind {
  case UInt8(ascii: "0"): _ = try? ObjectLocation(parsing: bytes)
  case UInt8(ascii: "1"): _ = try? XMLScanner.parse(bytes)
  case UInt8(ascii: "2"): _ = INIFile.parse(bytes)
  case UInt8(ascii: "3"): _ = FlatJSON.members(bytes)
  case UInt8(ascii: "4"):
    if let found = ContentRange(String(decoding: bytes, as: UTF8.self)) {
      precondition(found.range.upperBound <= found.total)
    }
  case UInt8(ascii: "5"): followRedirect(bytes)
  case UInt8(ascii: "6"): _ = try? UploadAnswers.uploadID(bytes)
  case UInt8(ascii: "7"):
    if case .object(let etag, _)? = try? UploadAnswers.completion(bytes) {
      precondition(!etag.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "<") })
    }
  case UInt8(ascii: "8"): _ = try? UploadAnswers.parts(bytes)
  case UInt8(ascii: "9"): _ = try? UploadAnswers.uploads(bytes)
  default: break
  }
  return 0
}

/// Three lines: a URL, a status, the place it redirects to.
private func followRedirect(_ bytes: [UInt8]) {
  let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  guard lines.count == 3, let status = Int(lines[1]) else { return }
  let secret = HTTPHeader("Authorization", "secret")
  let request = HTTPRequest(url: lines[0], headers: [secret])
  let answer = HTTPAnswer(
    status: status, headers: [HTTPHeader("Location", lines[2])], body: [])
  var redirects = Redirects()
  guard let next = try? redirects.next(after: request, answer) else { return }
  precondition(!request.url.hasPrefix("https:") || next.url.hasPrefix("https:"))
}
