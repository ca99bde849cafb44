#!/usr/bin/env python3
"""A server for a folder of objects that fails as it is told, is as slow as a network, and keeps count.

    faults.py FOLDER --log FILE [--latency MS] [--rate MBIT] [--page KEYS]
              [--certificate PEM --key PEM] [--parent PID [--temporary FOLDER]]

It prints its URL when it answers. /BUCKET/KEY is FOLDER/BUCKET/KEY, read-only. `rules.py` lists the
faults. `POST /_control` sets them: {"rules": [{"prefix": "/bucket/x", "fault": "reset", ...}]} adds
rules, {"clear": "/bucket/"} removes those with such a prefix, and {"latency": MS} and
{"rate": MBIT} change the network. `GET /_control?prefix=/bucket/` gives the log of the requests of
that prefix, once none of them is under way (with `&silent=1` only how many are left without an answer): one JSON object a line, with method, path, query,
range, match (the If-Match), payer (who is to pay), signed, host, status, bytes of the body sent, start and end.
"""

import argparse
import gzip
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate

import listing
import rules


class Line:
    """A network line that all answers share."""

    PIECE = 128 << 10

    def __init__(self, rate):
        self.rate = rate
        self.lock = threading.Lock()
        self.free_at = 0.0

    def send(self, count):
        """Waits until `count` bytes have gone."""
        if not self.rate:
            return
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            until = self.free_at
        time.sleep(max(0, until - time.monotonic()))


class Log:
    """The requests, in a file and by prefix."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8") if path else None
        self.finished = []
        self.active = {}
        self.silent = {}
        self.changed = threading.Condition()

    def begin(self, path):
        with self.changed:
            self.active[path] = self.active.get(path, 0) + 1

    def end(self, path, entry):
        with self.changed:
            self.active[path] -= 1
            self.finished.append(entry)
            if self.file:
                self.file.write(json.dumps(entry) + "\n")
                self.file.flush()
            self.changed.notify_all()

    def be_silent(self, path, change):
        with self.changed:
            self.silent[path] = self.silent.get(path, 0) + change

    def silences(self, prefix):
        """How many requests of a prefix get no answer now."""
        with self.changed:
            return sum(count for path, count in self.silent.items() if path.startswith(prefix))

    def take(self, prefix):
        """The requests of a prefix, once none is under way."""
        def idle():
            return not any(
                count for path, count in self.active.items() if path.startswith(prefix))

        with self.changed:
            self.changed.wait_for(idle, timeout=60)
            return [entry for entry in self.finished if entry["path"].startswith(prefix)]


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder, log, latency=0, rate=0, page=1000, certificate=None, key=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.latency = latency
        self.line = Line(rate)
        self.page = page
        self.rules = rules.Rules()
        self.log = Log(log)
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            # The handshake comes with the first read, in the connection's own thread.
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(timestamp or time.time() + self.ahead)

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def do_PUT(self):
        self.answer()

    def do_DELETE(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        start = time.monotonic()
        url = urllib.parse.urlsplit(self.path)
        # A path of //host/… would be read as a host.
        path = urllib.parse.unquote(url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.ahead = 0
        if path == "/_control":
            return self.control(url.query, body)
        self.status, self.sent = 0, 0
        log = self.server.log
        log.begin(path)
        try:
            time.sleep(self.server.latency)
            active = self.server.rules.active(self.command, path)
            if "clock" in active:
                self.ahead = active["clock"].shift
            if "date" in active:
                self.ahead = active["date"].seconds
            if not self.fail(active):
                self.serve(path, url.query, active)
        except OSError:
            self.close_connection = True  # The client has gone.
        finally:
            log.end(path, {
                "method": self.command, "path": path, "query": url.query,
                "range": self.headers.get("Range", ""),
                "match": self.headers.get("If-Match", ""),
                "payer": self.headers.get("x-amz-request-payer", ""),
                "signed": "Authorization" in self.headers, "host": self.headers.get("Host", ""),
                "status": self.status, "bytes": self.sent, "start": start,
                "end": time.monotonic()})

    def control(self, query, body):
        server = self.server
        if self.command == "POST":
            order = json.loads(body)
            if "clear" in order:
                server.rules.clear(order["clear"])
            for rule in order.get("rules", []):
                server.rules.add(rule)
            server.latency = order.get("latency", server.latency * 1000) / 1000
            if "rate" in order:
                server.line.rate = order["rate"] * 1e6 / 8
            text = ""
        else:
            asked = urllib.parse.parse_qs(query)
            prefix = asked.get("prefix", ["/"])[0]
            if "silent" in asked:
                text = str(server.log.silences(prefix))
            else:
                text = "".join(json.dumps(entry) + "\n" for entry in server.log.take(prefix))
        self.send_response(200)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def fail(self, active):
        """Answers with what is no object at all; tells whether it did."""
        silence = active.get("silence")
        if silence and silence.after is None:
            self.be_silent()
            return True
        answer = rules.instead(active, self.headers, self.server)
        if answer:
            status, body, headers = answer
            self.send(status, body, headers)
        return bool(answer)

    def serve(self, path, query, active):
        """An object, a listing, or what S3 says when there is none."""
        bucket, _, key = path.lstrip("/").partition("/")
        folder = os.path.join(self.server.folder, bucket)
        if self.command not in ("GET", "HEAD"):
            return self.send(405, rules.error("MethodNotAllowed", "Not here."))
        if not os.path.isdir(folder):
            return self.send(404, rules.error("NoSuchBucket", "There is no such bucket."))
        if not key:
            text = listing.answer(folder, bucket, query, self.server.page)
            return self.send(200, text, {"Content-Type": "application/xml"})
        file = os.path.join(folder, key)
        if "replace" in active:
            file = os.path.join(self.server.folder, active["replace"].path)
        if ".." in file.split("/") or not os.path.isfile(file):
            return self.send(404, rules.error("NoSuchKey", "There is no such key."))
        with open(file, "rb") as opened:
            self.object(opened, active)

    def object(self, file, active):
        size = os.fstat(file.fileno()).st_size
        status = os.fstat(file.fileno())
        tag = hashlib.md5(
            f"{os.path.realpath(file.name)} {size} {status.st_mtime_ns}".encode()).hexdigest()
        if "etag" in active:
            tag = tag[::-1]
        headers = {
            "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream",
            "Last-Modified": formatdate(status.st_mtime, usegmt=True),
            "ETag": f'W/"{tag}"' if "weak-etag" in active else f'"{tag}"'}
        wanted = self.headers.get("If-Match")
        if wanted and wanted not in (headers["ETag"], "*") and "ignore-match" not in active:
            return self.send(412, rules.error("PreconditionFailed", "The object is another."))
        if "no-etag" in active:
            del headers["ETag"]
        if "huge-headers" in active:
            headers["X-Padding"] = "x" * (active["huge-headers"].bytes or 1 << 20)
        first, last, code = 0, size - 1, 200
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if span and any(span.groups()) and "no-ranges" not in active:
            if span[1]:
                first, last = int(span[1]), min(last, int(span[2] or last))
            else:
                first = max(0, size - int(span[2]))
            if first > last:
                return self.send(416, rules.error("InvalidRange", "Nothing there."),
                                 {"Content-Range": f"bytes */{size}"})
            code = 206
            wrong = active.get("wrong-range")
            start = first + (wrong.shift if wrong else 0)
            total = size + (wrong.total if wrong else 0)
            headers["Content-Range"] = f"bytes {start}-{start + last - first}/{total}"
            if wrong and wrong.absent:
                del headers["Content-Range"]
        file.seek(first)
        count = last - first + 1
        if "gzip" in active:
            headers["Content-Encoding"] = "gzip"
            return self.send(code, gzip.compress(file.read(count), 1), headers)
        self.send_file(code, file, count, headers, active)

    def send_file(self, status, file, count, headers, active):
        """A body from a file, perhaps cut, delayed, or too long."""
        more = active["long"].bytes or 1000 if "long" in active else 0
        declared = count + (more if "long" in active and active["long"].declared else 0)
        self.start_answer(status, declared, headers)
        if self.command == "HEAD":
            return
        cut = next((active[name] for name in ("reset", "short", "silence") if name in active), None)
        stop = min(count, cut.after or 0) if cut else count
        while self.sent < stop:
            self.send_piece(file.read(min(Line.PIECE, stop - self.sent)))
        if more:
            self.send_piece(b"x" * more)
            self.close_connection = not active["long"].declared
        if not cut or stop == count:
            return
        self.close_connection = True
        if cut.fault == "silence":
            self.be_silent()
        elif cut.fault == "reset":
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def be_silent(self):
        """Nothing more until the client gives up."""
        self.close_connection = True
        self.connection.settimeout(120)
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.server.log.be_silent(path, 1)
        try:
            while self.connection.recv(1024):
                pass
        except OSError:
            pass
        finally:
            self.server.log.be_silent(path, -1)

    def send(self, status, body, headers=None):
        self.start_answer(status, len(body), {"Content-Type": "application/xml", **(headers or {})})
        if self.command != "HEAD":
            for start in range(0, len(body), Line.PIECE):
                self.send_piece(body[start:start + Line.PIECE])

    def start_answer(self, status, length, headers):
        self.status = status
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("x-amz-request-id", "0123456789ABCDEF")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_piece(self, piece):
        self.server.line.send(len(piece))
        self.wfile.write(piece)
        self.sent += len(piece)


def watch(parent, temporary):
    """Ends this process after its parent, however that ended, and removes what that left."""
    while os.getppid() == parent:
        time.sleep(0.2)
    for folder in temporary:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--log")
    parser.add_argument("--latency", type=float, default=0, help="milliseconds a request")
    parser.add_argument("--rate", type=float, default=0, help="megabits a second; 0: no limit")
    parser.add_argument("--page", type=int, default=1000, help="most keys of a listing's page")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--temporary", action="append", default=[])
    options = parser.parse_args()
    server = Server(
        os.path.abspath(options.folder), options.log, options.latency / 1000,
        options.rate * 1e6 / 8, options.page, options.certificate, options.key)
    if options.parent:
        threading.Thread(
            target=watch, args=[options.parent, options.temporary], daemon=True).start()
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
