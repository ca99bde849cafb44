#!/usr/bin/env python3
"""A proxy before an S3 server, where uploads go wrong as a test wants.

    mishaps.py BACKEND PARENT

It prints its URL. `POST /_mishaps` takes a JSON list of mishaps: {"step": "complete", "mishap":
"lose", ...}. Steps are create, part, complete, abort, head, put, and others by their method; `probe` is a
completion of parts that nobody has sent. Each
applies to the requests from number `start` (1) on, `times` (1) of them:

    refuse     the backend never sees it; the answer is `status` with the error `code`
    lose       the backend carries it out, but the connection is closed without an answer
    lie        the backend carries it out, but the answer is `status` with the error `code`
    damage     a byte of its body is another when it arrives
    expire     400 ExpiredToken for what is signed with the access key `key`
    slow       the answer comes `seconds` later
    log        nothing; `GET /_mishaps` gives the steps so far
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

mishaps = []
steps = []
lock = threading.Lock()


def step_of(method, query, body):
    if method == "POST" and b"0" * 32 in body:
        return "probe"
    if method == "POST":
        return "create" if "uploads" in query else "complete"
    if method == "PUT":
        return "part" if "partNumber" in query else "put"
    if method == "DELETE":
        return "abort" if "uploadId" in query else "delete"
    return method.lower()


def mishap_of(step):
    with lock:
        steps.append(step)
        for mishap in mishaps:
            if mishap["step"] != step:
                continue
            mishap["seen"] = mishap.get("seen", 0) + 1
            start = mishap.get("start", 1)
            if start <= mishap["seen"] < start + mishap.get("times", 1):
                return mishap
    return {"mishap": ""}


def error(code):
    return f"<Error><Code>{code}</Code><Message>As the test wants.</Message></Error>".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_mishaps":
            if self.command == "POST":
                mishaps.extend(json.loads(body))
            return self.send(200, {}, json.dumps(steps).encode())
        query = urllib.parse.parse_qs(
            urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
        mishap = mishap_of(step_of(self.command, query, body))
        kind = mishap["mishap"]
        if kind == "expire":
            if f"Credential={mishap['key']}/" in self.headers.get("Authorization", ""):
                return self.send(400, {}, error("ExpiredToken"))
        if kind == "refuse":
            return self.send(mishap["status"], {}, error(mishap["code"]))
        if kind == "damage":
            body = bytes([body[0] ^ 1]) + body[1:]
        if kind == "slow":
            time.sleep(mishap["seconds"])
        backend = http.client.HTTPConnection(sys.argv[1].removeprefix("http://"))
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "host")}
        backend.request(self.command, self.path, body, headers)
        answer = backend.getresponse()
        text = answer.read()
        if kind == "lose":
            self.close_connection = True
            self.connection.close()
            return None
        if kind == "lie":
            return self.send(mishap["status"], {}, error(mishap["code"]))
        return self.send(answer.status, answer.headers, text)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def send(self, status, headers, body):
        try:
            self.send_response(status)
            length = len(body)
            for name, value in headers.items():
                if name.lower() == "content-length" and self.command == "HEAD":
                    length = int(value)
                elif name.lower() not in ("connection", "content-length", "date", "server"):
                    self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            self.close_connection = True  # The client has gone.


def watch(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=watch, args=[int(sys.argv[2])], daemon=True).start()
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
