import CCurl
import Glibc
import Posix

/// One request as libcurl carries it out; for the network thread only.
final class Transfer {
  let order: Order
  let easy: UnsafeMutableRawPointer
  /// Scheme, host and port.
  let server: String
  private let parts: URLParts
  private let errorText: UnsafeMutablePointer<CChar>
  private var headers: UnsafeMutablePointer<curl_slist>?
  /// How much of the body libcurl has taken.
  private var bodyPosition = 0
  private var collector: AnswerCollector
  private var patience: Patience
  private var hasReportedBeginning = false
  /// Why the answer was refused while it came.
  private var problem: HTTPError?

  /// - Throws: `HTTPError` with the code `impossible` if libcurl cannot send it.
  init(
    _ order: Order, _ parts: URLParts, _ certificates: TrustedCertificates?, server: String
  ) throws(HTTPError) {
    let request = order.request
    try Self.check(request)
    guard let easy = curl_easy_init() else {
      throw HTTPError(.impossible, "there is not enough memory for libcurl")
    }
    self.order = order
    self.easy = easy
    self.server = server
    self.parts = parts
    errorText = .allocate(capacity: Int(ccurl_error_size))
    errorText.initialize(repeating: 0, count: Int(ccurl_error_size))
    collector = AnswerCollector(mostBytes: request.method == .head ? 0 : request.mostBytes)
    patience = Patience(request.timeouts)
    try setOptions(certificates)
    request.sending?(0)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headers)
    errorText.deallocate()
  }

  private static func check(_ request: HTTPRequest) throws(HTTPError) {
    let mayHaveBody = request.method == .put || request.method == .post
    guard mayHaveBody || request.body.isEmpty else {
      throw HTTPError(.impossible, "a \(request.method.rawValue) request cannot have a body")
    }
    for header in request.headers {
      let isName = header.name.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7f && !":;,\"()[]{}<>@=\\/?".utf8.contains($0)
      }
      guard isName, !header.name.isEmpty else {
        throw HTTPError(.impossible, "a header of the request has an invalid name")
      }
      guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
        throw HTTPError(
          .impossible, "the header \(header.name) of the request has a control character")
      }
    }
  }

  private func setOptions(_ certificates: TrustedCertificates?) throws(HTTPError) {
    let request = order.request
    try set(CURLOPT_URL, parts.text)
    // The names of objects may have the steps . and .., which libcurl would apply.
    try set(CURLOPT_PATH_AS_IS, 1)
    try set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_FOLLOWLOCATION, 0)
    // HTTP/2 would send all ranges through one connection, whose window and whose packet losses they
    // then share; several connections are faster, and AWS advises them.
    try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    try set(CURLOPT_HTTP09_ALLOWED, 0)
    try set(CURLOPT_NOSIGNAL, 1)
    try set(CURLOPT_TCP_NODELAY, 1)
    try set(CURLOPT_TCP_KEEPALIVE, 1)
    try set(CURLOPT_TCP_KEEPIDLE, 30)
    try set(CURLOPT_TCP_KEEPINTVL, 10)
    try set(CURLOPT_BUFFERSIZE, 128 << 10)
    try set(CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect)
    try set(CURLOPT_USERAGENT, "autosquash")
    // What a proxy says before the server does is not part of the answer, and a proxy must not see
    // the headers for the server.
    try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    try set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
    // Otherwise the end of a request waits for its name to be resolved. Versions before 7.87 lack it.
    ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
    ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    try setProxy()
    try setTrust(certificates)
    try setMethod()
    try setHeaders()
    setCallbacks()
  }

  private func setTrust(_ certificates: TrustedCertificates?) throws(HTTPError) {
    try set(CURLOPT_SSL_VERIFYPEER, 1)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    guard let certificates else { return }
    for option in [CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO] { try set(option, certificates.file) }
    for option in [CURLOPT_CAPATH, CURLOPT_PROXY_CAPATH] { try set(option, certificates.folder) }
  }

  private func setProxy() throws(HTTPError) {
    if !order.request.mayUseProxy {
      try set(CURLOPT_NOPROXY, "*")
    } else if parts.scheme == .http,
      let proxy = ProxyChoice.missedByLibcurl(environment: environmentVariable)
    {
      try set(CURLOPT_PROXY, proxy)
    }
  }

  private func setMethod() throws(HTTPError) {
    switch order.request.method {
    case .get: try set(CURLOPT_HTTPGET, 1)
    case .head: try set(CURLOPT_NOBODY, 1)
    case .delete: try set(CURLOPT_CUSTOMREQUEST, "DELETE")
    case .put, .post:
      try set(CURLOPT_POST, 1)
      try set(CURLOPT_CUSTOMREQUEST, order.request.method.rawValue)
      // Without fields to post, libcurl calls for the body.
      ccurl_set_offset(
        easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(order.request.body.count))
      try set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10)
    }
  }

  private func setHeaders() throws(HTTPError) {
    // libcurl would ask before it sends a long body, and call it the fields of a form.
    var lines = ["Expect:"]
    if !order.request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
      lines.append("Content-Type:")
    }
    for header in order.request.headers {
      lines.append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
    }
    for line in lines {
      guard let longer = curl_slist_append(headers, line) else {
        throw HTTPError(.impossible, "there is not enough memory for libcurl")
      }
      headers = longer
    }
    ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, headers)
  }

  private func setCallbacks() {
    let this = Unmanaged.passUnretained(self).toOpaque()
    ccurl_set_pointer(easy, CURLOPT_WRITEDATA, this)
    ccurl_set_pointer(easy, CURLOPT_HEADERDATA, this)
    ccurl_set_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, this in
      Transfer.take(bytes, size * count, this) { (collector, bytes) throws(HTTPError) in
        try collector.takeBody(bytes)
      }
    }
    ccurl_set_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, this in
      Transfer.take(bytes, size * count, this) { (collector, bytes) throws(HTTPError) in
        try collector.takeHeader(bytes)
      }
    }
    ccurl_set_pointer(easy, CURLOPT_READDATA, this)
    ccurl_set_read(easy) { target, size, count, this in
      Transfer.of(this).giveBody(UnsafeMutableRawBufferPointer(start: target, count: size * count))
    }
    // A connection that turns out to be closed makes libcurl begin again on another one.
    ccurl_set_pointer(easy, CURLOPT_SEEKDATA, this)
    ccurl_set_seek(easy) { this, offset, origin in
      let this = Transfer.of(this)
      guard origin == SEEK_SET, (0...curl_off_t(this.order.request.body.count)).contains(offset)
      else { return CURL_SEEKFUNC_FAIL }
      this.bodyPosition = Int(offset)
      return CURL_SEEKFUNC_OK
    }
    // Programs that this one runs must not inherit connections.
    ccurl_set_socket(easy) { _, socket, _ in
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      return CURL_SOCKOPT_OK
    }
  }

  /// - Returns: the number of bytes; less makes libcurl end the transfer.
  private static func take(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ this: UnsafeMutableRawPointer?,
    _ body: (inout AnswerCollector, UnsafeRawBufferPointer) throws(HTTPError) -> Void
  ) -> Int {
    let this = of(this)
    do throws(HTTPError) {
      try body(&this.collector, UnsafeRawBufferPointer(start: bytes, count: count))
      return count
    } catch {
      this.problem = error
      // Never the count, even if that is 0.
      return count == 0 ? 1 : 0
    }
  }

  private static func of(_ this: UnsafeMutableRawPointer?) -> Transfer {
    Unmanaged<Transfer>.fromOpaque(this!).takeUnretainedValue()
  }

  /// - Returns: the number of bytes; what makes libcurl end the transfer if there are none.
  private func giveBody(_ target: UnsafeMutableRawBufferPointer) -> Int {
    do throws(SystemError) {
      let count = try order.request.body.read(target, at: bodyPosition)
      bodyPosition += count
      order.request.sending?(bodyPosition)
      return count
    } catch {
      problem = HTTPError(.impossible, "what is sent cannot be read: \(error)")
      return Int(CURL_READFUNC_ABORT)
    }
  }

  private func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
    try check(ccurl_set_long(easy, option, value))
  }

  private func set(_ option: CURLoption, _ value: String?) throws(HTTPError) {
    try check(ccurl_set_string(easy, option, value))
  }

  private func check(_ code: CURLcode) throws(HTTPError) {
    guard code == CURLE_OK else {
      throw HTTPError(
        .impossible, "this libcurl lacks an option: \(String(cString: curl_easy_strerror(code)))")
    }
  }

  /// Reports the first byte.
  ///
  /// - Returns: why to give up.
  func inspect(now: Int) -> HTTPError? {
    if collector.hasBegun, !hasReportedBeginning {
      hasReportedBeginning = true
      order.request.began?()
    }
    guard value(CURLINFO_PRETRANSFER_TIME_T) > 0 else { return nil }
    let sent = value(CURLINFO_SIZE_UPLOAD_T)
    return patience.problem(
      now: now, isSent: sent >= order.request.body.count, hasBegun: collector.hasBegun,
      bytes: sent + collector.receivedBytes)
  }

  private func value(_ info: CURLINFO) -> Int {
    var value: curl_off_t = 0
    ccurl_get_offset(easy, info, &value)
    return value
  }

  private func number(_ info: CURLINFO) -> Int {
    var value: Int = 0
    ccurl_get_long(easy, info, &value)
    return value
  }

  /// The outcome, once libcurl has ended the transfer.
  func result(of code: CURLcode) -> Result<HTTPAnswer, HTTPError> {
    if let problem { return .failure(problem) }
    guard code == CURLE_OK else {
      return .failure(
        TransferProblem(
          host: parts.host, detail: String(cString: errorText),
          systemError: Int32(clamping: number(CURLINFO_OS_ERRNO)),
          isReused: number(CURLINFO_NUM_CONNECTS) == 0,
          proxyStatus: number(CURLINFO_HTTP_CONNECTCODE),
          mayUseProxy: order.request.mayUseProxy
            && ProxyChoice.isNamed(for: parts.scheme, environment: environmentVariable),
          timeouts: order.request.timeouts
        ).error(for: code))
    }
    guard collector.answer.status >= 200 else {
      return .failure(HTTPError(.badAnswer, "the answer has no headers"))
    }
    return .success(collector.answer)
  }
}
