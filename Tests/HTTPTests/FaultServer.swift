import Posix
import TestSupport

/// A web server on the loopback whose paths each do something else.
final class FaultServer {
  /// The address, without a path.
  let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// - Parameter identity: the file with the server's certificate and key, for https.
  init(identity: String? = nil) throws {
    let folder = try TemporaryFolder()
    self.folder = folder
    let daemon = try Daemon(
      ["/usr/bin/env", "python3", "-u", "-c", Self.program] + (identity.map { [$0] } ?? []),
      log: folder.path("log"))
    self.daemon = daemon
    guard eventually({ daemon.text.hasSuffix("\n") }), let port = Int(daemon.text.dropLast()) else {
      throw SystemError("start the test server (\(daemon.text))", code: 0)
    }
    url = "\(identity == nil ? "http" : "https")://127.0.0.1:\(port)"
  }

  private static let program = #"""
    import socket, ssl, sys, threading, time

    lock = threading.Lock()
    connections = 0
    open_now = most_open = 0
    failures = {}

    def answer(send, path, connection, served, method, headers, body):
        kind, _, rest = path[1:].partition('/')
        def ok(content, extra=''):
            send(f'HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{extra}\r\n'.encode())
            send(content)
        if kind == 'connection': ok(str(connection).encode())
        elif kind == 'echo':
            lines = [f'{method} {path}'] + headers
            ok('\n'.join(lines).encode() + b'\n\n' + body)
        elif kind == 'length': ok(b'x' * int(rest) if method != 'HEAD' else b'')
        elif kind == 'head':
            send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n')
        elif kind == 'chunks':
            send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            for _ in range(int(rest) // 1000): send(b'3e8\r\n' + b'x' * 1000 + b'\r\n')
            send(b'0\r\nTrailer: 1\r\n\r\n')
        elif kind == 'cut':
            send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
            return False
        elif kind == 'cutchunks':
            send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nhalf')
            return False
        elif kind == 'close': return False
        elif kind == 'overlong':
            send(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright'
                 b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong')
        elif kind == 'leftover':
            if served: send(b'x' * 50)
            else: ok(str(connection).encode())
        elif kind == 'interim':
            send(b'HTTP/1.1 100 Continue\r\nA: 1\r\n\r\n')
            ok(b'')
        elif kind == 'headers':
            send(b'HTTP/1.1 200 OK\r\n')
            for _ in range(int(rest) // 1000): send(b'A: ' + b'x' * 995 + b'\r\n')
            send(b'Content-Length: 0\r\n\r\n')
        elif kind == 'raw': send(bytes.fromhex(rest))
        elif kind == 'gzip': ok(b'x', f'Content-Encoding: {rest}\r\n')
        elif kind == 'silent': time.sleep(600)
        elif kind == 'trickle':
            send(b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
            while True:
                send(b'x')
                time.sleep(0.05)
        elif kind == 'once-silent' or kind == 'flaky':
            with lock:
                failures[rest] = failures.get(rest, 0) + 1
                count = failures[rest]
            if kind == 'flaky' and count <= 2:
                send(b'HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n')
            elif kind == 'once-silent' and count == 1: time.sleep(600)
            else: ok(str(count).encode())
        elif kind == 'slow':
            time.sleep(0.05)
            ok(rest.encode())
        elif kind == 'most': ok(str(most_open).encode())
        elif kind == 'status': send(f'HTTP/1.1 {rest} X\r\nContent-Length: 0\r\n\r\n'.encode())
        return True

    def serve(client):
        global connections, open_now, most_open
        try:
            if context: client = context.wrap_socket(client, server_side=True)
            with lock:
                connections += 1
                connection = connections
                open_now += 1
                most_open = max(most_open, open_now)
            file = client.makefile('rb')
            served = 0
            while True:
                line = file.readline()
                if not line: break
                method, path, _ = line.decode().split()
                headers = []
                while (line := file.readline().decode().strip()): headers.append(line)
                length = [h.split(':')[1] for h in headers if h.lower().startswith('content-length:')]
                body = file.read(int(length[0])) if length else b''
                if not answer(client.sendall, path, connection, served, method, headers, body):
                    break
                served += 1
            client.shutdown(socket.SHUT_RDWR)
        except OSError: pass
        finally:
            with lock: open_now -= 1
            client.close()

    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    listener = socket.create_server(('127.0.0.1', 0), backlog=64)
    print(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client,), daemon=True).start()
    """#
}
