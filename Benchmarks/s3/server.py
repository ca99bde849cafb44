"""An S3 server for one bucket in memory that is as slow as a network, and keeps count.

Enough of S3 for s3fs to read: HEAD, GET with ranges, and listings. Each request takes `latency`
seconds; all answers together go over a line of `rate` bytes a second.
"""

import http.server
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass
from email.utils import formatdate


@dataclass
class Request:
    method: str
    key: str
    start: float
    end: float
    range: str
    bytes: int


class Line:
    """A network line that its users share."""

    PIECE = 128 << 10

    def __init__(self, rate):
        self.rate = rate
        self.lock = threading.Lock()
        self.free_at = 0.0

    def send(self, count):
        """Waits until `count` bytes have gone."""
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            until = self.free_at
        time.sleep(max(0, until - time.monotonic()))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, objects, latency, rate):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects = objects
        self.latency = latency
        self.line = Line(rate)
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take_requests(self, key):
        """The finished GETs of an object since the last call."""
        taken, self.requests = self.requests, []
        return sorted((request for request in taken
                       if request.method == "GET" and request.key == key),
                      key=lambda request: request.start)


def waves(requests):
    """How many round trips came one after another: a request that began when another had ended
    may have waited for it."""
    depth = []
    for request in requests:
        before = [number for other, number in depth if other.end <= request.start]
        depth.append((request, 1 + max(before, default=0)))
    return max((number for _, number in depth), default=0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        start = time.monotonic()
        time.sleep(self.server.latency)
        url = urllib.parse.urlsplit(self.path)
        _, _, key = url.path.lstrip("/").partition("/")
        key = urllib.parse.unquote(key)
        if not key:
            count = self.list(urllib.parse.parse_qs(url.query))
        elif key in self.server.objects:
            count = self.object(self.server.objects[key])
        else:
            count = self.reply(404, b"", "application/xml")
        self.server.requests.append(
            Request(
                self.command, key, start, time.monotonic(), self.headers.get("Range", ""), count))

    def object(self, content):
        first, last, status = 0, len(content) - 1, 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first = int(wanted[1])
            last = min(last, int(wanted[2])) if wanted[2] else last
            status = 206
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"} if wanted else {}
        return self.reply(
            status, memoryview(content)[first:last + 1], "application/octet-stream", headers)

    def list(self, query):
        prefix = query.get("prefix", [""])[0]
        keys = sorted(key for key in self.server.objects if key.startswith(prefix))
        files, folders = [], []
        for key in keys:
            rest = key[len(prefix):]
            folder = prefix + rest.split("/")[0] + "/"
            if "/" not in rest:
                files.append(key)
            elif folder not in folders:
                folders.append(folder)
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><Size>{len(self.server.objects[key])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>" for key in files)
        prefixes = "".join(
            f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
            f"<Prefix>{prefix}</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
            f"{contents}{prefixes}</ListBucketResult>")
        return self.reply(200, text.encode(), "application/xml")

    def reply(self, status, body, kind, headers={}):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", formatdate(1_767_225_600, usegmt=True))
        self.send_header("ETag", '"0"')
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return 0
        for start in range(0, len(body), Line.PIECE):
            piece = body[start:start + Line.PIECE]
            self.server.line.send(len(piece))
            self.wfile.write(piece)
        return len(body)
