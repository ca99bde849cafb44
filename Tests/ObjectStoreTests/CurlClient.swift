import HTTP
import TestSupport

/// A client that runs curl(1).
final class CurlClient: HTTPClient {
  func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    let headers = request.headers.flatMap { ["-H", "\($0.name): \($0.value)"] }
    let body = request.body.isEmpty ? [] : ["--data-binary", "@-"]
    let result: Tool.Result
    do {
      result = try Tool.run(
        [
          "curl", "-sS", "--noproxy", "*", "-X", request.method.rawValue, "-w", "\n%{http_code}",
          request.url,
        ] + headers + body, input: request.body)
    } catch {
      throw HTTPError(.impossible, "\(error)")
    }
    guard result.status == 0, let end = result.output.lastIndex(of: UInt8(ascii: "\n")),
      let status = Int(String(decoding: result.output[(end + 1)...], as: UTF8.self))
    else { throw HTTPError(.unreachable, result.errors) }
    return HTTPAnswer(status: status, headers: [], body: Array(result.output[..<end]))
  }

  func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation {
    done(Result { () throws(HTTPError) in try send(request) })
    return HTTPCancellation {}
  }
}
