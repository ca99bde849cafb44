/// Puts an answer together from what libcurl hands over, within bounds.
struct AnswerCollector {
  /// The limit of all headers of one answer, in bytes, with those of interim answers (1xx).
  static let mostHeaderBytes = 64 << 10

  private let mostBytes: Int
  private var headerBytes = 0
  private var isAfterHeaders = false
  private(set) var answer = HTTPAnswer(status: 0, headers: [], body: [])
  /// Whether anything has come.
  private(set) var hasBegun = false
  /// The bytes of headers and body so far.
  var receivedBytes: Int { headerBytes + answer.body.count }

  init(mostBytes: Int) { self.mostBytes = mostBytes }

  /// Takes one line of the headers, with its end.
  mutating func takeHeader(_ line: UnsafeRawBufferPointer) throws(HTTPError) {
    hasBegun = true
    headerBytes += line.count
    guard headerBytes <= Self.mostHeaderBytes else {
      throw HTTPError(
        .badAnswer, "the answer's headers are longer than \(Self.mostHeaderBytes >> 10) KiB")
    }
    var line = line[...]
    while let last = line.last, last == 0x0a || last == 0x0d { line.removeLast() }
    if line.starts(with: "HTTP/".utf8), !isAfterHeaders || answer.status < 200 {
      isAfterHeaders = false
      answer.headers = []
      let words = line.split(separator: 0x20, maxSplits: 2)
      guard words.count >= 2, let status = Int(String(decoding: words[1], as: UTF8.self)),
        (100...599).contains(status)
      else { throw HTTPError(.badAnswer, "the answer has no valid status") }
      answer.status = status
      return
    }
    // Headers after a body in chunks say nothing that is needed.
    if isAfterHeaders { return }
    guard !line.isEmpty else {
      isAfterHeaders = true
      if answer.status >= 200 { try prepareBody() }
      return
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      !line[..<colon].contains(where: { $0 <= 0x20 })
    else { throw HTTPError(.badAnswer, "the answer has a malformed header") }
    var value = line[(colon + 1)...]
    while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
    while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
    answer.headers.append(
      HTTPHeader(
        String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)))
  }

  /// Takes a part of the body.
  mutating func takeBody(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) {
    guard bytes.count <= mostBytes - answer.body.count else { throw tooLong }
    answer.body.append(contentsOf: bytes)
  }

  private mutating func prepareBody() throws(HTTPError) {
    let lengths = Set(
      answer.headers.lazy.filter { $0.name.lowercased() == "content-length" }.map(\.value))
    guard lengths.count <= 1 else {
      throw HTTPError(.badAnswer, "the answer has two different lengths")
    }
    // Some stores keep aws-chunked, which described the upload, as if it described the object.
    if (200..<300).contains(answer.status), let coding = answer.header("Content-Encoding"),
      !["", "identity", "aws-chunked"].contains(coding.lowercased())
    {
      throw HTTPError(
        .badAnswer, "the answer is compressed (Content-Encoding), although nothing asked for it")
    }
    if let length = lengths.first.flatMap({ Int($0) }), length > 0, length <= mostBytes {
      answer.body.reserveCapacity(length)
    }
  }

  private var tooLong: HTTPError {
    HTTPError(.badAnswer, "the answer is longer than the \(mostBytes) bytes allowed")
  }
}
