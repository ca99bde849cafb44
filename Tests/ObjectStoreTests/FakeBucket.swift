import HTTP
import Posix
import Synchronization

@testable import ObjectStore

/// A bucket in memory that takes uploads, and goes wrong as a test wants.
final class FakeBucket: HTTPClient {
  enum Step: Hashable {
    case head, put, create
    case part(Int)
    case complete, abort, list
  }

  /// What goes wrong with a request.
  enum Mishap {
    /// It is refused.
    case refuse(Int, String)
    /// It is refused from now on.
    case refuseAlways(Int, String)
    /// It is carried out, but the answer is lost.
    case lose
    /// It is carried out, but the answer is this.
    case lie(Int, String)
    /// Other bytes are kept than were sent.
    case damage
    /// Another writer is quicker.
    case overtake
    /// The upload goes away.
    case expire
  }

  struct Object: Equatable {
    var bytes: [UInt8]
    var etag: String
    var headers: [String: String] = [:]
  }

  struct State {
    var objects: [String: Object] = [:]
    var uploads: [String: (key: String, headers: [String: String], parts: [Int: [UInt8]])] = [:]
    var steps: [Step] = []
    var requests: [HTTPRequest] = []
    var mishaps: [Step: [Mishap?]] = [:]
    var underWay = 0
    var mostUnderWay = 0
  }

  let state = Mutex(State())
  var ignoresConditions: Bool { flags.ignoresConditions }
  private let flags: (ignoresConditions: Bool, keepsMetadata: Bool)

  /// - Parameter mishaps: what goes wrong with each request of a kind, in their order.
  init(
    _ mishaps: [Step: [Mishap?]] = [:], ignoresConditions: Bool = false, keepsMetadata: Bool = true
  ) {
    flags = (ignoresConditions, keepsMetadata)
    state.withLock { $0.mishaps = mishaps }
  }

  /// The store whose only bucket this is.
  func store(isStopped: @escaping @Sendable () -> Bool = { false }) -> Store {
    var policy = RetryPolicy()
    policy.firstDelay = 1
    policy.total = 20
    let client = RetryingClient(self, policy: policy, isStopped: isStopped)
    return Store(client, signer: Unsigned()) { () throws(StoreError) in
      Store.Place(region: "us-east-1", endpoint: "http://store")
    }
  }

  func count(_ step: Step) -> Int { state.withLock { $0.steps.filter { $0 == step }.count } }
  func object(_ key: String) -> Object? { state.withLock { $0.objects[key] } }
  var uploads: Int { state.withLock { $0.uploads.count } }

  func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    let url = try URLParts(request.url)
    let key = String(url.path.dropFirst("/b/".count))
    var query: [String: String] = [:]
    for pair in (url.query ?? "").split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      query[String(name)] = String(pair.dropFirst(name.count + 1))
    }
    let step = Self.step(request.method, query)
    let body = request.bodyBytes
    let mishap = state.withLock { state in
      state.requests.append(request)
      state.steps.append(step)
      guard var list = state.mishaps[step], !list.isEmpty else { return Mishap?.none }
      if case .refuseAlways? = list[0] { return list[0] }
      defer { state.mishaps[step] = list }
      return list.removeFirst()
    }
    switch mishap {
    case .refuse(let status, let code)?, .refuseAlways(let status, let code)?:
      return Self.error(status, code)
    case .lose?:
      _ = carryOut(step, key, query, request, body)
      throw HTTPError(.unreachable, "the connection broke off")
    case .lie(let status, let code)?:
      _ = carryOut(step, key, query, request, body)
      return Self.error(status, code)
    case .damage?: return carryOut(step, key, query, request, body.map { $0 ^ 1 })
    case .overtake?:
      state.withLock { $0.objects[key] = Object(bytes: [9], etag: "\"other\"") }
      return carryOut(step, key, query, request, body)
    case .expire?:
      state.withLock { $0.uploads = [:] }
      return carryOut(step, key, query, request, body)
    case nil: return carryOut(step, key, query, request, body)
    }
  }

  func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation {
    state.withLock {
      $0.underWay += 1
      $0.mostUnderWay = max($0.mostUnderWay, $0.underWay)
    }
    let result = Result { () throws(HTTPError) in try send(request) }
    state.withLock { $0.underWay -= 1 }
    done(result)
    return HTTPCancellation {}
  }

  private static func step(_ method: HTTPRequest.Method, _ query: [String: String]) -> Step {
    switch method {
    case .head: .head
    case .get: .list
    case .delete: .abort
    case .post: query["uploads"] == nil ? .complete : .create
    case .put: query["partNumber"].flatMap { Int($0) }.map(Step.part) ?? .put
    }
  }

  static func error(_ status: Int, _ code: String) -> HTTPAnswer {
    .text("<Error><Code>\(code)</Code><Message>As told.</Message></Error>", status: status)
  }

  private func carryOut(
    _ step: Step, _ key: String, _ query: [String: String], _ request: HTTPRequest, _ body: [UInt8]
  ) -> HTTPAnswer {
    state.withLock { state in
      let id = query["uploadId"] ?? ""
      switch step {
      case .head:
        guard let object = state.objects[key] else { return Self.error(404, "") }
        return HTTPAnswer(
          status: 200,
          headers: [
            HTTPHeader("Content-Length", "\(object.bytes.count)"), HTTPHeader("ETag", object.etag),
          ] + object.headers.map { HTTPHeader($0.key, $0.value) }, body: [])
      case .put:
        if let refusal = violation(of: request, state.objects[key]) { return refusal }
        let etag = PartProof.single(MD5.digest(of: body))
        state.objects[key] = Object(bytes: body, etag: etag, headers: kept(request))
        return HTTPAnswer(status: 200, headers: [HTTPHeader("ETag", etag)], body: [])
      case .create:
        let id = "id\(state.steps.count)"
        state.uploads[id] = (key, kept(request), [:])
        return .text("<R><UploadId>\(id)</UploadId></R>")
      case .part(let number):
        guard state.uploads[id] != nil else { return Self.error(404, "NoSuchUpload") }
        state.uploads[id]?.parts[number] = body
        let etag = PartProof.single(MD5.digest(of: body))
        return HTTPAnswer(status: 200, headers: [HTTPHeader("ETag", etag)], body: [])
      case .complete:
        guard let upload = state.uploads[id] else { return Self.error(404, "NoSuchUpload") }
        if let refusal = violation(of: request, state.objects[key]) { return refusal }
        guard !upload.parts.isEmpty else { return Self.error(400, "InvalidPart") }
        let parts = upload.parts.sorted { $0.key < $1.key }.map(\.value)
        let etag = PartProof.composite(parts.map { MD5.digest(of: $0) })
        state.uploads[id] = nil
        state.objects[key] = Object(
          bytes: parts.flatMap(\.self), etag: etag, headers: upload.headers)
        return .text("<R><ETag>\(etag)</ETag></R>")
      case .abort:
        let isThere = state.uploads.removeValue(forKey: id) != nil
        return isThere
          ? HTTPAnswer(status: 204, headers: [], body: []) : Self.error(404, "NoSuchUpload")
      case .list:
        guard let upload = state.uploads[id] else { return Self.error(404, "NoSuchUpload") }
        let parts = upload.parts.map {
          "<Part><PartNumber>\($0)</PartNumber><Size>\($1.count)</Size>"
            + "<ETag>\(PartProof.single(MD5.digest(of: $1)))</ETag></Part>"
        }
        return .text("<R>\(parts.joined())</R>")
      }
    }
  }

  private func kept(_ request: HTTPRequest) -> [String: String] {
    let names = [
      "Content-Type", "x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-tagging",
      "x-amz-acl",
    ]
    return request.headers.reduce(into: [:]) { result, header in
      if names.contains(header.name) || flags.keepsMetadata && header.name.hasPrefix("x-amz-meta-")
      {
        result[header.name] = header.value
      }
    }
  }

  private func violation(of request: HTTPRequest, _ object: Object?) -> HTTPAnswer? {
    guard !ignoresConditions else { return nil }
    if request.header("If-None-Match") == "*", object != nil {
      return Self.error(412, "PreconditionFailed")
    }
    if let wanted = request.header("If-Match"), wanted != object?.etag {
      return Self.error(412, "PreconditionFailed")
    }
    return nil
  }
}
