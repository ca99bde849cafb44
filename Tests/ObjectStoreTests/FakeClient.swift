import HTTP
import Synchronization

@testable import ObjectStore

/// A client whose answers a closure makes; it remembers the requests.
final class FakeClient: HTTPClient {
  typealias Answers = @Sendable (HTTPRequest) throws(HTTPError) -> HTTPAnswer

  private let answers: Answers
  private let log = Mutex<[HTTPRequest]>([])

  init(_ answers: @escaping Answers) { self.answers = answers }

  /// No server anywhere.
  static var offline: FakeClient {
    FakeClient { (_) throws(HTTPError) in throw HTTPError(.unreachable, "no route") }
  }

  var requests: [HTTPRequest] { log.withLock { $0 } }

  func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    log.withLock { $0.append(request) }
    return try answers(request)
  }

  func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation {
    done(Result { () throws(HTTPError) in try send(request) })
    return HTTPCancellation {}
  }
}

extension HTTPAnswer {
  static func text(_ text: String, status: Int = 200) -> HTTPAnswer {
    HTTPAnswer(status: status, headers: [], body: Array(text.utf8))
  }
}

extension HTTPRequest {
  func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  var bodyBytes: [UInt8] {
    // All empty arrays share their storage, in which the initializer would write.
    if body.isEmpty { return [] }
    return [UInt8](unsafeUninitializedCapacity: body.count) { buffer, count in
      count = (try? body.read(UnsafeMutableRawBufferPointer(buffer), at: 0)) ?? 0
    }
  }
  var form: String { String(decoding: bodyBytes, as: UTF8.self) }
}

extension StoreEnvironment {
  /// One without configuration files.
  static func only(_ variables: [String: String]) -> StoreEnvironment {
    StoreEnvironment(variables, home: "/nonexistent")
  }
}

/// The answer of a token service.
func tokenServiceAnswer(
  _ action: String, token: String = "st", expiry: String = "2100-01-01T00:00:00Z"
) -> HTTPAnswer {
  .text(
    """
    <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result>
    <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>rs</SecretAccessKey>
    <SessionToken>\(token)</SessionToken><Expiration>\(expiry)</Expiration></Credentials>
    </\(action)Result></\(action)Response>
    """)
}

/// The answer of a service that hands out credentials as JSON.
func jsonAnswer(_ key: String = "ASIAJSON", expiry: String = "2100-01-01T00:00:00Z") -> HTTPAnswer {
  .text(
    """
    {"Code": "Success", "AccessKeyId": "\(key)", "SecretAccessKey": "js", "Token": "jt",
     "Expiration": "\(expiry)"}
    """)
}
