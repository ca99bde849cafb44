"""A forward proxy on the loopback device, for http and by CONNECT.

Usage: proxy.py [--deny] [--to PORT]

Prints its URL, and then what it is asked for, a line each: the method, and a URL or a host with its
port. With --deny it answers 403 to everything. With --to it is no proxy: it listens on the IPv6
address and passes all bytes on to a port of 127.0.0.1.
"""

import argparse
import os
import socket
import threading

parser = argparse.ArgumentParser()
parser.add_argument("--deny", action="store_true")
parser.add_argument("--to", type=int)
options = parser.parse_args()


def pass_on(source, target):
    """Copies until the end of `source`."""
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(client, server):
    """Passes bytes on in both directions until both have ended."""
    thread = threading.Thread(target=pass_on, args=(server, client), daemon=True)
    thread.start()
    pass_on(client, server)
    thread.join()
    server.close()


def serve(client):
    if options.to:
        join(client, socket.create_connection(("127.0.0.1", options.to)))
        client.close()
        return
    file = client.makefile("rb")
    while line := file.readline():
        method, target, _ = line.decode().split()
        headers = []
        while (header := file.readline()).strip():
            headers.append(header)
        os.write(1, f"{method} {target}\n".encode())  # In one piece: other threads write too.
        if options.deny:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            continue
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(client, server)
            break
        # One request for each connection to the server; none of them has a body.
        host, _, path = target.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        server = socket.create_connection((name, int(port or 80)))
        kept = [header for header in headers if not header.lower().startswith(b"proxy-")]
        server.sendall(
            f"{method} /{path} HTTP/1.1\r\n".encode() + b"".join(kept) + b"Connection: close\r\n\r\n")
        pass_on(server, client)
        server.close()
        break
    client.close()


family, address = (socket.AF_INET6, "::1") if options.to else (socket.AF_INET, "127.0.0.1")
listener = socket.create_server((address, 0), family=family, backlog=64)
host = f"[{address}]" if options.to else address
print(f"http://{host}:{listener.getsockname()[1]}", flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
