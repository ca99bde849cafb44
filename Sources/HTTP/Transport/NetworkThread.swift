import CCurl
import Glibc
import Posix

/// What the network thread does: the only user of its libcurl handles.
final class NetworkThread {
  /// The most connections to one server.
  static let connectionsPerServer = 8
  /// How often, in milliseconds, transfers under way are looked at when nothing happens.
  private static let tick: Int32 = 100

  private let multi: UnsafeMutableRawPointer
  private let queue: RequestQueue
  private let isStopped: @Sendable () -> Bool
  private let certificates: TrustedCertificates?
  /// Those under way, by libcurl's handle.
  private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
  /// How many there are for each server.
  private var busy: [String: Int] = [:]
  /// Those that wait for a connection. libcurl could keep them (CURLMOPT_MAX_HOST_CONNECTIONS), but
  /// whether their time to connect runs meanwhile depends on its version.
  private var waiting: [(order: Order, parts: URLParts)] = []
  /// What to report when libcurl is not in use.
  private var finished: [(order: Order, result: Result<HTTPAnswer, HTTPError>)] = []

  init(multi: UnsafeMutableRawPointer, queue: RequestQueue, options: TransportOptions) {
    self.multi = multi
    self.queue = queue
    isStopped = options.isStopped
    certificates = TrustedCertificates.choose(option: options.caBundle)
    // As a rule libcurl closes connections beyond four times the number of transfers under way.
    ccurl_set_multi_long(multi, CURLMOPT_MAXCONNECTS, 4 * Self.connectionsPerServer)
  }

  /// Works until the queue is closed.
  func run() {
    Self.blockSignals()
    var isOpen = true
    while isOpen {
      let news = queue.take()
      isOpen = !news.isClosed
      Libcurl.use {
        accept(news.orders)
        cancel {
          !isOpen || news.cancelled.contains($0.number) || ($0.request.isStopped ?? isStopped)()
        }
        startWaiting()
        var running: Int32 = 0
        curl_multi_perform(multi, &running)
        collect()
        inspect()
        startWaiting()
        if !isOpen { curl_multi_cleanup(multi) }
      }
      report()
      if isOpen {
        curl_multi_poll(multi, nil, 0, transfers.isEmpty ? .max : Self.tick, nil)
      }
    }
  }

  /// Leaves signals to the main thread, whose system calls they must interrupt; and a connection that
  /// breaks off must not end the program (SIGPIPE).
  private static func blockSignals() {
    var signals = sigset_t()
    sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&signals, fault) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  private func accept(_ orders: [Order]) {
    for order in orders {
      do throws(HTTPError) {
        waiting.append((order, try URLParts(order.request.url)))
      } catch {
        finished.append((order, .failure(error)))
      }
    }
  }

  /// Starts the requests whose servers have a connection left, in their order.
  private func startWaiting() {
    waiting.removeAll { order, parts in
      let server = "\(parts.scheme)://\(parts.host):\(parts.port)"
      guard busy[server, default: 0] < Self.connectionsPerServer else { return false }
      do throws(HTTPError) {
        let transfer = try Transfer(order, parts, certificates, server: server)
        guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
          throw HTTPError(.impossible, "libcurl does not start the request")
        }
        transfers[transfer.easy] = transfer
        busy[server, default: 0] += 1
      } catch {
        finished.append((order, .failure(error)))
      }
      return true
    }
  }

  /// Takes the transfers that libcurl has ended.
  private func collect() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
        let transfer = transfers[easy]
      else { continue }
      end(transfer, transfer.result(of: message.pointee.data.result))
    }
  }

  /// Notes first bytes, and ends what is too slow.
  private func inspect() {
    let now = Int(Process.now * 1_000)
    for transfer in Array(transfers.values) {
      if let problem = transfer.inspect(now: now) { end(transfer, .failure(problem)) }
    }
  }

  private func cancel(where isUnwanted: (Order) -> Bool) {
    for transfer in Array(transfers.values) where isUnwanted(transfer.order) {
      end(transfer, Self.cancelled)
    }
    waiting.removeAll { order, _ in
      guard isUnwanted(order) else { return false }
      finished.append((order, Self.cancelled))
      return true
    }
  }

  private static var cancelled: Result<HTTPAnswer, HTTPError> {
    .failure(HTTPError(.cancelled, "the request was stopped"))
  }

  private func end(_ transfer: Transfer, _ result: Result<HTTPAnswer, HTTPError>) {
    curl_multi_remove_handle(multi, transfer.easy)
    transfers[transfer.easy] = nil
    let left = busy[transfer.server, default: 1] - 1
    busy[transfer.server] = left > 0 ? left : nil
    finished.append((transfer.order, result))
  }

  private func report() {
    let finished = finished
    self.finished = []
    for (order, result) in finished { order.done(result) }
  }
}
