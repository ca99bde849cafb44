import CCurl
import Glibc
import Posix

/// Says what libcurl's numbers mean.
struct TransferProblem {
  let host: String
  /// libcurl's own words, which may repeat something of the server's.
  let detail: String
  /// The number of the last system call's error, or 0.
  let systemError: Int32
  /// Whether the connection had served another request before.
  let isReused: Bool
  /// What a proxy said to the wish for a connection; 0 if there is none.
  let proxyStatus: Int
  /// Whether the environment names a proxy that the request may have used.
  let mayUseProxy: Bool
  let timeouts: HTTPTimeouts

  func error(for code: CURLcode) -> HTTPError {
    // 407 asks for a password, 403 and others are rules of the proxy.
    if (300..<500).contains(proxyStatus) {
      return HTTPError(
        .badAnswer, "the proxy gives no connection to \(host) (status \(proxyStatus))")
    }
    return switch code {
    case CURLE_COULDNT_RESOLVE_HOST:
      HTTPError(.unknownHost, "the name \(host) cannot be resolved")
    case CURLE_COULDNT_RESOLVE_PROXY:
      HTTPError(.unknownHost, "the proxy's name cannot be resolved")
    case CURLE_COULDNT_CONNECT:
      HTTPError(
        // Without a number it is a proxy's URL that makes no sense.
        [ECONNREFUSED, 0].contains(systemError) ? .refused : .unreachable,
        // Not libcurl's words, which may have a proxy's URL with its password.
        "no connection to \(host)\(mayUseProxy ? ", or to the proxy that the environment names" : "")"
          + (systemError == 0 ? "" : reason))
    case CURLE_OPERATION_TIMEDOUT:
      HTTPError(
        .unreachable, "no connection to \(host) within \(Patience.seconds(timeouts.connect))")
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING:
      HTTPError(.unreachable, "\(host) broke off its answer")
    case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
      HTTPError(.unreachable, "the connection to \(host) broke off\(reason)")
    case CURLE_PEER_FAILED_VERIFICATION:
      HTTPError(.notTrusted, "the certificate of \(host) is not trusted\(inBrackets)")
    case CURLE_SSL_CACERT_BADFILE:
      HTTPError(.notTrusted, "the certificates to trust cannot be read\(inBrackets)")
    case CURLE_SSL_CONNECT_ERROR where systemError != 0:
      HTTPError(.unreachable, "the connection to \(host) broke off\(reason)")
    case CURLE_SSL_CONNECT_ERROR:
      HTTPError(.notTrusted, "\(host) and TLS do not go together\(inBrackets)")
    case CURLE_UNSUPPORTED_PROTOCOL where isReused, CURLE_WEIRD_SERVER_REPLY where isReused:
      // Bytes that the server sent behind the answer before; libcurl has closed the connection.
      HTTPError(.unreachable, "\(host) sent bytes that belong to no answer")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      HTTPError(.badAnswer, "\(host) does not answer as a web server\(inBrackets)")
    case CURLE_OUT_OF_MEMORY:
      HTTPError(.impossible, "there is not enough memory")
    default:
      HTTPError(.unreachable, "the request to \(host) failed\(inBrackets)")
    }
  }

  private var reason: String {
    systemError == 0 ? inBrackets : " (\(SystemError.reason(systemError)))"
  }

  private var inBrackets: String {
    let words = detail.utf8.prefix(200).map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") }
    return words.isEmpty ? "" : " (\(String(decoding: words, as: UTF8.self)))"
  }
}
