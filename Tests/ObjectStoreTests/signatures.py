"""Signs random requests with botocore and awscrt; prints one JSON object a line.

Usage: signatures.py SEED COUNT
"""

import datetime
import hashlib
import json
import random
import sys
from urllib.parse import quote

import awscrt.auth
import awscrt.http
import awscrt.io
import botocore.auth
import botocore.awsrequest
import botocore.credentials

CHARACTERS = (
    "abcXYZ019-._~ /+=&?%#:;@,!$'()*[]{}|\\^`\"<>\t\n\x01\x7f"
    "äöüßéñ漢字🙂\u00a0\u202e\u0301"
)
HEADERS = [
    "Range", "If-Match", "If-None-Match", "Content-Type", "Content-MD5", "x-amz-meta-name",
    "X-Amz-Meta-Other", "x-amz-checksum-sha256", "x-amz-request-payer", "User-Agent",
]


def text(random, most):
    return "".join(random.choice(CHARACTERS) for _ in range(random.randint(0, most)))


def value(random):
    """A header's value: printable, with spaces in odd places."""
    words = "".join(
        random.choice("abcXYZ019-_./=;,:\"'()*+&%äß漢 ") for _ in range(random.randint(1, 30)))
    return " " * random.randint(0, 2) + words + " " * random.randint(0, 2)


def make(random):
    pairs = [(text(random, 6), text(random, 12)) for _ in range(random.randint(0, 5))]
    if random.random() < 0.3:
        pairs += [("list-type", "2"), ("prefix", text(random, 20)), ("delimiter", "/")]
    if pairs and random.random() < 0.3:
        pairs.append((pairs[0][0], text(random, 5)))
    pairs = [pair for pair in pairs if pair != ("", "")]
    random.shuffle(pairs)
    # A name alone, as in ?uploads, is the same as an empty value.
    query = "&".join(
        quote(name, safe="")
        + ("" if not value and random.random() < 0.5 else "=" + quote(value, safe=""))
        for name, value in pairs)
    scheme = random.choice(["https", "http"])
    port = random.choice(["", "", ":9000", ":443" if scheme == "https" else ":80"])
    headers = random.sample(HEADERS, random.randint(0, 5))
    return {
        "method": random.choice(["GET", "HEAD", "PUT", "POST", "DELETE"]),
        "host": random.choice(["bucket.s3.eu-central-1.amazonaws.com", "127.0.0.1", "[::1]"]) + port,
        "scheme": scheme,
        "path": "/" + quote(text(random, 30), safe="/"),
        "query": query,
        "headers": [[name, value(random)] for name in headers],
        "body": text(random, 40) if random.random() < 0.3 else "",
        "access": "AKIA" + "".join(random.choice("ABCDEFGH234567") for _ in range(16)),
        "secret": "".join(random.choice("abcXYZ019+/") for _ in range(40)),
        "token": random.choice([None, "FwoGZXIvYXdz" + "".join(
            random.choice("abcXYZ019+/=") for _ in range(random.randint(1, 400)))]),
        "region": random.choice(["us-east-1", "eu-central-1", "cn-north-1", "garage"]),
        "service": random.choice(["s3", "s3", "s3", "sts"]),
        "time": random.randint(0, 4_102_444_800),
    }


def url(case):
    query = "?" + case["query"] if case["query"] else ""
    return f"{case['scheme']}://{case['host']}{case['path']}{query}"


def by_botocore(case):
    moment = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment
    signer = botocore.auth.S3SigV4Auth if case["service"] == "s3" else PlainAuth
    request = botocore.awsrequest.AWSRequest(
        method=case["method"], url=url(case), data=case["body"].encode())
    for name, value in case["headers"]:
        request.headers[name] = value
    signer(
        botocore.credentials.Credentials(case["access"], case["secret"], case["token"]),
        case["service"], case["region"]).add_auth(request)
    return request.headers["Authorization"]


class PlainAuth(botocore.auth.SigV4Auth):
    """Like that for S3, but without the header for the body."""

    def _normalize_url_path(self, path):
        return path


def by_awscrt(case):
    port = {"https": ":443", "http": ":80"}[case["scheme"]]
    host = case["host"].removesuffix(port)
    headers = awscrt.http.HttpHeaders([("host", host)] + [tuple(pair) for pair in case["headers"]])
    query = "?" + case["query"] if case["query"] else ""
    request = awscrt.http.HttpRequest(case["method"], case["path"] + query, headers)
    is_s3 = case["service"] == "s3"
    configuration = awscrt.auth.AwsSigningConfig(
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(
            case["access"], case["secret"], case["token"]),
        region=case["region"], service=case["service"],
        date=datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc),
        use_double_uri_encode=False, should_normalize_uri_path=False,
        signed_body_value=hashlib.sha256(case["body"].encode()).hexdigest(),
        signed_body_header_type=awscrt.auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
        if is_s3 else awscrt.auth.AwsSignedBodyHeaderType.NONE)
    awscrt.auth.aws_sign_request(request, configuration).result()
    return dict(request.headers)["Authorization"]


def main():
    generator = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        case = make(generator)
        print(json.dumps({
            "method": case["method"], "url": url(case), "headers": case["headers"],
            "body": case["body"], "access": case["access"], "secret": case["secret"],
            "token": case["token"], "region": case["region"], "service": case["service"],
            "time": case["time"], "botocore": by_botocore(case), "awscrt": by_awscrt(case),
        }))


main()
