#!/usr/bin/env python3
"""An S3 server that takes uploads as slowly as a network does, for one writer at a time.

    store.py FOLDER [--latency MS] [--rate MBIT] [--parent PID]

Prints its URL. Objects are files below FOLDER, by bucket and key; parts are kept beside them until an
upload is complete. It knows what autosquash and aws-cli ask for, and checks no signature.
"""

import argparse
import hashlib
import http.server
import os
import re
import shutil
import sys
import threading
import time
import urllib.parse

PIECE = 256 << 10
SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Link:
    """What all connections share."""

    def __init__(self, bytes_per_second):
        self.rate = bytes_per_second
        self.lock = threading.Lock()
        self.free_at = 0.0

    def carry(self, count):
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            until = self.free_at
        time.sleep(max(0, until - time.monotonic()))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        # Little may be on its way that the link has not carried.
        self.connection.setsockopt(6, 1, 1)

    def route(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        name = urllib.parse.unquote(url.path).lstrip("/")
        self.file = os.path.join(self.server.folder, name)
        self.parts = self.file + ".parts"

    def take(self, target):
        """Writes the request's body to a file; returns its MD5."""
        digest = hashlib.md5()
        left = int(self.headers.get("Content-Length") or 0)
        with open(target, "wb") as file:
            while left:
                piece = self.rfile.read(min(left, PIECE))
                if not piece:
                    raise ConnectionError
                self.server.link.carry(len(piece))
                digest.update(piece)
                file.write(piece)
                left -= len(piece)
        return digest.hexdigest()

    def answer(self, status, body=b"", **headers):
        time.sleep(self.server.latency)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def etag(self):
        with open(self.file + ".etag") as file:
            return file.read()

    def do_PUT(self):
        self.route()
        os.makedirs(os.path.dirname(self.file), exist_ok=True)
        if "partNumber" in self.query:
            digest = self.take(f"{self.parts}/{int(self.query['partNumber'])}")
            return self.answer(200, ETag=f'"{digest}"')
        digest = self.take(self.file)
        self.keep(digest)
        self.answer(200, ETag=f'"{digest}"')

    def keep(self, etag):
        with open(self.file + ".etag", "w") as file:
            file.write(etag)

    def do_POST(self):
        self.route()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "uploads" in self.query:
            shutil.rmtree(self.parts, ignore_errors=True)
            os.makedirs(self.parts)
            text = f'<InitiateMultipartUploadResult xmlns="{SPACE}"><UploadId>1</UploadId>'
            return self.answer(200, (text + "</InitiateMultipartUploadResult>").encode())
        if self.headers.get("If-None-Match") and os.path.exists(self.file):
            return self.answer(412)
        tags = re.findall(r"<ETag>(?:&quot;|\")?([0-9a-f]+)", body)
        digest = hashlib.md5(b"".join(bytes.fromhex(tag) for tag in tags)).hexdigest()
        etag = f"{digest}-{len(tags)}"
        # Real stores copy nothing; appending to the first part is what comes closest.
        os.replace(f"{self.parts}/1", self.file)
        with open(self.file, "r+b") as file:
            file.seek(0, os.SEEK_END)
            for number in range(2, len(tags) + 1):
                with open(f"{self.parts}/{number}", "rb") as part:
                    while os.sendfile(file.fileno(), part.fileno(), None, 1 << 30):
                        pass
        shutil.rmtree(self.parts)
        self.keep(etag)
        text = f'<CompleteMultipartUploadResult xmlns="{SPACE}"><ETag>"{etag}"</ETag>'
        self.answer(200, (text + "</CompleteMultipartUploadResult>").encode())

    def do_DELETE(self):
        self.route()
        shutil.rmtree(self.parts, ignore_errors=True)
        self.answer(204)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.route()
        if "uploadId" in self.query or not os.path.isfile(self.file):
            return self.answer(404)
        size = os.path.getsize(self.file)
        headers = {"ETag": f'"{self.etag()}"', "Accept_Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            # Nobody asks for all of it but by HEAD.
            return self.answer(200, Content_Length=str(size), **headers)
        first, last = wanted.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        with open(self.file, "rb") as file:
            file.seek(start)
            body = file.read(end - start)
        self.server.link.carry(len(body))
        self.answer(206, body, Content_Range=f"bytes {start}-{end - 1}/{size}", **headers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--latency", type=float, default=30)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--parent", type=int)
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.folder = os.path.abspath(arguments.folder)
    server.latency = arguments.latency / 1000
    server.link = Link(arguments.rate * 125_000)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    if arguments.parent:
        def watch():
            while os.getppid() == arguments.parent:
                time.sleep(0.5)
            os._exit(0)
        threading.Thread(target=watch, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
