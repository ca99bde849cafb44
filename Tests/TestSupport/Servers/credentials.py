"""Services that hand out credentials, on one loopback port: instance metadata (version 2), a
container's service, and the Security Token Service, which checks signatures.

Usage: credentials.py ACCESS_KEY SECRET SECONDS [STORE]

Prints its address. All answer with ACCESS_KEY, SECRET, the token `session-N` of the N-th answer, and
an expiry in SECONDS; or with a session of the URL STORE, whose own Security Token Service gives it
to ACCESS_KEY. The paths:

  /latest/…                  instance metadata with the role `machine role` in eu-north-1
  /container                 needs the header `Authorization: container-token`
  /                          AssumeRole for the key ACCESS_KEY; AssumeRoleWithWebIdentity for the
                             token `web-token`
  /log                       what was asked, a line each
"""

import datetime
import http.server
import json
import sys
import threading
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session

ACCESS_KEY, SECRET, SECONDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
STORE = sys.argv[4] if len(sys.argv) > 4 else None
ROLE = "machine role"
METADATA_TOKEN = "metadata-token=="
lock = threading.Lock()
log = []
answers = 0


def new():
    """A fresh key, its secret, its token and the time of its end."""
    global answers
    with lock:
        answers += 1
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=SECONDS)
        key, secret, token = ACCESS_KEY, SECRET, f"session-{answers}"
    if STORE:
        service = botocore.session.Session().create_client(
            "sts", "us-east-1", endpoint_url=STORE, aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET)
        given = service.assume_role(
            RoleArn="arn:aws:iam::000000000000:role/lab", RoleSessionName="testing")["Credentials"]
        key, secret, token = (
            given[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    return key, secret, token, end.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_json():
    key, secret, token, end = new()
    return json.dumps({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": secret,
        "Token": token, "Expiration": end}).encode()


def as_xml(action):
    key, secret, token, end = new()
    return f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{action}Result>
    <Credentials>
      <AccessKeyId>{key}</AccessKeyId>
      <SecretAccessKey>{secret}</SecretAccessKey>
      <SessionToken>{token}</SessionToken>
      <Expiration>{end}</Expiration>
    </Credentials>
  </{action}Result>
</{action}Response>""".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", note=""):
        with lock:
            log.append(f"{self.command} {self.path} {note}{status}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path != "/latest/api/token":
            self.answer(404)
        elif not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            self.answer(400)
        else:
            self.answer(200, METADATA_TOKEN.encode())

    def do_GET(self):
        if self.path == "/log":
            with lock:
                body = "\n".join(log).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.path == "/container":
            allowed = self.headers.get("Authorization") == "container-token"
            self.answer(*((200, as_json()) if allowed else (401,)))
        elif not self.path.startswith("/latest/meta-data/"):
            self.answer(404)
        elif self.headers.get("X-aws-ec2-metadata-token") != METADATA_TOKEN:
            self.answer(401)
        else:
            folder = "iam/security-credentials/"
            name = urllib.parse.unquote(self.path.removeprefix("/latest/meta-data/"))
            if name == folder:
                self.answer(200, ROLE.encode())
            elif name == folder + ROLE:
                self.answer(200, as_json())
            elif name == "placement/region":
                self.answer(200, b"eu-north-1")
            else:
                self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(urllib.parse.parse_qsl(body.decode()))
        action = form.get("Action")
        if action == "AssumeRole":
            allowed = self.is_signed(body)
        elif action == "AssumeRoleWithWebIdentity":
            allowed = form.get("WebIdentityToken") == "web-token"
        else:
            allowed = False
        note = f"{action} {form.get('RoleArn')} {form.get('RoleSessionName')} "
        if allowed:
            self.answer(200, as_xml(action), note)
        else:
            self.answer(
                403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>The request is not "
                b"signed as it should be</Message></Error></ErrorResponse>", note)

    def is_signed(self, body):
        """Whether botocore would sign it in the same way."""
        given = self.headers.get("Authorization", "")
        if "Credential=" not in given or "SignedHeaders=" not in given:
            return False
        scope = given.split("Credential=")[1].split(",")[0].split("/")
        names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
        moment = datetime.datetime.strptime(
            self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        now = datetime.datetime.now(datetime.timezone.utc)
        if abs((now - moment).total_seconds()) > 900 or scope[0] != ACCESS_KEY:
            return False
        request = botocore.awsrequest.AWSRequest(
            method="POST", url=f"http://{self.headers['Host']}{self.path}", data=body)
        for name in names:
            if name not in ("host", "x-amz-date", "x-amz-security-token"):
                request.headers[name] = self.headers[name]
        with lock:
            botocore.auth.get_current_datetime = lambda *_, **__: moment
            token = self.headers.get("X-Amz-Security-Token")
            botocore.auth.SigV4Auth(
                botocore.credentials.Credentials(ACCESS_KEY, SECRET, token), scope[3], scope[2]
            ).add_auth(request)
        return request.headers["Authorization"] == given


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
