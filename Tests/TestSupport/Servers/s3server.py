#!/usr/bin/env python3
"""Real S3 servers on the loopback device, for one bucket with real credentials.

    s3server.py serve KIND FOLDER PARENT [KEY FILE]...
    s3server.py put URL [KEY FILE]...
    s3server.py get URL KEY FILE
    s3server.py state URL PREFIX
    s3server.py begin URL KEY

KIND is seaweedfs, moto, juicefs or rclone. `serve` prints the URL when the server answers and the
files are in the bucket. `state` prints what the bucket has below a prefix, as JSON: its objects, and
the keys of its uploads. `begin` begins an upload, with one part, and prints its ID. It ends the server when it is told to end, or when the process PARENT is
no longer its parent; then it removes FOLDER. FOLDER/server has the number of the server's process
group. It is run by the Python of .build/python, which has
boto3 and the servers.
"""

import base64
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

BUCKET = "training"
ACCESS_KEY = "testing-access"
SECRET_KEY = "testing-secret"
PROGRAMS = os.path.dirname(os.path.abspath(sys.executable))


def free_ports(count):
    """Ports that nobody uses. Those of the kernel's own choice may be taken by a connection before
    the server has them; so they lie below those."""
    found = []
    port = 10000 + os.getpid() % 2000 * 10
    while len(found) < count:
        port = 10000 + (port - 10000 + 1) % 20000
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
    return found


def seaweedfs(folder):
    """Verifies signatures, conditions and checksums. Its Security Token Service, at the same
    address, has the role `lab`, which may do everything."""
    with open(f"{folder}/identities.json", "w", encoding="utf-8") as file:
        json.dump({"identities": [{
            "name": "testing", "actions": ["Admin", "Read", "Write", "List"],
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}]}, file)
    allowed = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}
    trusted = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"AWS": "*"}}
    with open(f"{folder}/roles.json", "w", encoding="utf-8") as file:
        json.dump({
            "sts": {"tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "testing",
                    "signingKey": base64.b64encode(b"testing-" * 4).decode()},
            "policy": {"defaultEffect": "Deny", "storeType": "memory"},
            "policies": [{"name": "all", "document": {
                "Version": "2012-10-17", "Statement": [allowed]}}],
            "roles": [{
                "roleName": "lab", "roleArn": "arn:aws:iam::000000000000:role/lab",
                "attachedPolicies": ["all"],
                "trustPolicy": {"Version": "2012-10-17", "Statement": [trusted]}}]}, file)
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "s3.port", "s3.port.grpc"]
    ports = dict(zip(names, free_ports(len(names))))
    return [
        f"{PROGRAMS}/weed", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-s3", f"-s3.config={folder}/identities.json", f"-s3.iam.config={folder}/roles.json",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-volume.max=100", "-master.volumeSizeLimitMB=64", "-master.telemetry=false",
        *(f"-{name}={port}" for name, port in ports.items())], ports["s3.port"], {}


def moto(folder):
    """Quick; verifies no signatures."""
    port = free_ports(1)[0]
    return [f"{PROGRAMS}/moto_server", "-H", "127.0.0.1", "-p", str(port)], port, {}


def juicefs(folder):
    """The S3 of MinIO; verifies signatures."""
    port, metrics = free_ports(2)
    keys = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
    meta = f"sqlite3://{folder}/meta.db"
    subprocess.run(
        [f"{PROGRAMS}/juicefs", "format", meta, BUCKET, "--storage", "file", "--bucket",
         f"{folder}/data/"], check=True, stdout=subprocess.DEVNULL)
    return [
        f"{PROGRAMS}/juicefs", "gateway", meta, f"127.0.0.1:{port}", "--no-banner", "--multi-buckets",
        "--keep-etag", "--log", f"{folder}/gateway.log", "--cache-dir", f"{folder}/cache",
        "--no-usage-report", "--metrics", f"127.0.0.1:{metrics}"], port, keys


def rclone(folder):
    """A folder as a bucket; verifies signatures."""
    port = free_ports(1)[0]
    os.makedirs(f"{folder}/data", exist_ok=True)
    return [
        f"{PROGRAMS}/rclone", "serve", "s3", f"{folder}/data", "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", "/dev/null"], port, {}


def client(url):
    import boto3
    from botocore.config import Config
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1},
                      request_checksum_calculation="when_required",
                      response_checksum_validation="when_required"))


def make_bucket(client):
    try:
        client.create_bucket(Bucket=BUCKET)
    except client.exceptions.BucketAlreadyOwnedByYou:
        pass  # An earlier attempt made it, and then failed.


def put(url, names):
    bucket = client(url)
    for key, path in zip(names[::2], names[1::2]):
        with open(path, "rb") as file:
            bucket.put_object(Bucket=BUCKET, Key=key, Body=file)


def get(url, key, path):
    with open(path, "wb") as file:
        for piece in client(url).get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks():
            file.write(piece)


def state(url, prefix):
    bucket = client(url)
    objects = {}
    for entry in bucket.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", []):
        head = bucket.head_object(Bucket=BUCKET, Key=entry["Key"])
        objects[entry["Key"]] = {
            "size": head["ContentLength"], "type": head.get("ContentType", ""),
            "class": head.get("StorageClass", ""), "sse": head.get("ServerSideEncryption", ""),
            "key": head.get("SSEKMSKeyId", ""), "metadata": list(head["Metadata"])}
    try:
        uploads = bucket.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
    except bucket.exceptions.ClientError:  # rclone does not list them.
        uploads = []
    # moto ignores the prefix.
    keys = [entry["Key"] for entry in uploads if entry["Key"].startswith(prefix)]
    print(json.dumps({"objects": objects, "uploads": keys}))


def begin(url, key):
    bucket = client(url)
    name = bucket.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    bucket.upload_part(Bucket=BUCKET, Key=key, UploadId=name, PartNumber=1, Body=b"part")
    print(name)


def serve(kind, home, parent, names):
    folder = f"{home}/data"
    os.mkdir(folder)
    command, port, variables = {
        "seaweedfs": seaweedfs, "moto": moto, "juicefs": juicefs, "rclone": rclone}[kind](folder)
    libc = ctypes.CDLL(None)
    server = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **variables}, start_new_session=True,
        preexec_fn=lambda: libc.prctl(1, signal.SIGKILL), stdout=sys.stderr)
    with open(f"{home}/server", "w", encoding="utf-8") as file:
        file.write(str(server.pid))

    def kill():
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        server.wait()

    def end(*arguments):
        kill()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    url = f"http://127.0.0.1:{port}"
    bucket = client(url)
    for attempt in range(600):
        if server.poll() is not None or os.getppid() != parent:
            break
        try:
            make_bucket(bucket)
            put(url, names)
            print(url, flush=True)
            break
        except Exception as error:  # Servers fail in many ways until they are ready.
            if attempt == 599:
                print(f"{kind} does not start: {error}", file=sys.stderr)
                break
            time.sleep(0.1)
    while server.poll() is None and os.getppid() == parent:
        time.sleep(0.2)
    if os.getppid() != parent:
        kill()
        shutil.rmtree(home, ignore_errors=True)
    end()


if __name__ == "__main__":
    if sys.argv[1] == "put":
        put(sys.argv[2], sys.argv[3:])
    elif sys.argv[1] == "get":
        get(*sys.argv[2:])
    elif sys.argv[1] == "state":
        state(*sys.argv[2:])
    elif sys.argv[1] == "begin":
        begin(*sys.argv[2:])
    else:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
