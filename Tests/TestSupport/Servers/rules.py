"""The faults of faults.py.

A rule has a `prefix` of paths, a `fault`, and perhaps a `method`, `start` (it begins with the Nth
request of the prefix; 1) and `times` (it ends after so many; without end). The faults:

    reset, short      after `after` bytes of the body, the connection is reset, or closed
    long              `bytes` more than Content-Length says, or than asked for if `declared`
    silence           no byte of an answer, or none after `after` bytes of the body
    status            `status` with the S3 error `code`, and `headers`, instead of the object
    redirect          `status` to `location`, to which the path is added
    region            `status` 301 or 400 unless the request is signed for `region`
    unsigned          403 for requests without a signature
    token             400 for requests without the `token` of this session
    clock             403 unless the request is signed at the server's time, which is `shift` seconds
                      ahead; always if `absent`
    etag              another ETag for the same object
    replace           the object is the file `path` instead
    ignore-match      If-Match has no effect
    no-ranges         200 with the whole object for every range
    wrong-range       Content-Range `shift` bytes off, of a size `total` bytes off, or `absent`
    gzip              the body is compressed, and Content-Encoding says so
    date              the header Date is `seconds` off
    no-etag, weak-etag, huge-headers (`bytes` in one)
"""

import calendar
import threading
import time
from dataclasses import dataclass, field

FAULTS = {
    "reset", "short", "long", "silence", "status", "redirect", "region", "clock", "unsigned", "token",
    "etag",
    "replace", "ignore-match", "no-ranges", "wrong-range", "gzip", "no-etag", "weak-etag",
    "huge-headers", "date"}


@dataclass
class Rule:
    prefix: str
    fault: str
    method: str = ""
    start: int = 1
    times: int = 0
    after: int | None = None
    bytes: int = 0
    declared: bool = False
    status: int = 503
    code: str = "SlowDown"
    headers: dict = field(default_factory=dict)
    location: str = ""
    region: str = ""
    path: str = ""
    shift: int = 0
    total: int = 0
    absent: bool = False
    token: str = ""
    seconds: int = 0
    seen: int = 0

    def __post_init__(self):
        if self.fault not in FAULTS:
            raise ValueError(f"no such fault: {self.fault}")

    def applies(self, method, path):
        if not path.startswith(self.prefix) or self.method not in ("", method):
            return False
        self.seen += 1
        return self.seen >= self.start and (
            not self.times or self.seen < self.start + self.times)


class Rules:
    def __init__(self):
        self.rules = []
        self.lock = threading.Lock()

    def add(self, description):
        rule = Rule(**description)
        with self.lock:
            self.rules.append(rule)

    def clear(self, prefix):
        with self.lock:
            self.rules = [rule for rule in self.rules if not rule.prefix.startswith(prefix)]

    def active(self, method, path):
        """The rules for a request, by their faults; the first of each counts."""
        found = {}
        with self.lock:
            for rule in self.rules:
                if rule.applies(method, path):
                    found.setdefault(rule.fault, rule)
        return found


def error(code, message, more=""):
    """An error as S3 writes it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}"
        "<RequestId>0123456789ABCDEF</RequestId></Error>").encode()


def instead(active, headers, server):
    """The status, body and headers that a rule answers with instead of an object."""
    if "status" in active:
        rule = active["status"]
        return rule.status, error(rule.code, "As the test wants."), rule.headers
    if "unsigned" in active and "Authorization" not in headers:
        return 403, error("AccessDenied", "Access Denied"), {}
    if "token" in active and headers.get("x-amz-security-token") != active["token"].token:
        return 400, error("ExpiredToken", "The provided token has expired."), {}
    if "clock" in active:
        rule = active["clock"]
        stamp = headers.get("x-amz-date", "19700101T000000Z")
        signed = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        if rule.absent or abs(time.time() + rule.shift - signed) > 900:
            return 403, error("RequestTimeTooSkewed", "The difference is too large."), {}
    if "redirect" in active:
        rule = active["redirect"]
        return rule.status, b"", {"Location": rule.location}
    if "region" in active:
        rule = active["region"]
        signature = headers.get("Authorization", "")
        if f"/{rule.region}/s3/" not in signature:
            name = {"x-amz-bucket-region": rule.region}
            if rule.status == 301:
                return 301, error("PermanentRedirect", "Use the specified endpoint."), name
            return 400, error(
                "AuthorizationHeaderMalformed", "The region is wrong.",
                f"<Region>{rule.region}</Region>"), name
    return None
