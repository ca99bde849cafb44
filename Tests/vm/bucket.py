"""The bucket: an S3 server on this machine's loopback device, which the guest sees as 10.0.2.2."""

import http.client
import pathlib
import signal
import time
import urllib.parse

import processes

NAME = "edgen-training"
SERVER = pathlib.Path(__file__).resolve().parents[2] / ".build/python/bin/moto_server"


class Bucket:
    """What is in it outlives the server."""

    def __init__(self, logs):
        self.log = logs / "s3.log"
        self.port = processes.free_port()
        self.objects = {}
        self.process = None
        self.is_hung = False

    @property
    def url(self):
        """For the guest."""
        return f"http://10.0.2.2:{self.port}"

    def start(self):
        """Has it answer, whatever it did before."""
        self.resume()
        if self.process is not None:
            return
        self.process = processes.start(
            [SERVER, "-H", "127.0.0.1", "-p", str(self.port)], open(self.log, "a"))
        for _ in range(300):
            try:
                self.request("PUT", "")
                break
            except OSError:
                time.sleep(0.1)
        for key, data in self.objects.items():
            self.request("PUT", key, data)

    def stop(self):
        """It refuses connections from now on."""
        if self.process is not None:
            processes.end(self.process)
            self.process = None

    def hang(self):
        """It takes connections and answers none."""
        self.process.send_signal(signal.SIGSTOP)
        self.is_hung = True

    def resume(self):
        if self.is_hung and self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.is_hung = False

    def put(self, key, data):
        """Uploads an object, at once or when the server is there again."""
        self.objects[key] = data
        if self.process is not None:
            self.request("PUT", key, data)

    def request(self, method, key, data=b""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        path = f"/{NAME}/{urllib.parse.quote(key)}" if key else f"/{NAME}"
        connection.request(method, path, body=data)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status}")

    def image_names(self):
        """What is to be seen in the mount root."""
        keys = [key.removeprefix("autosquash/") for key in self.objects
                if key.startswith("autosquash/")]
        return sorted({key.split("/")[0].removesuffix(".squash") for key in keys})

    def overlay_files(self):
        """Where links are to be, and what they lead to."""
        return {key.removeprefix("overlay"): data for key, data in self.objects.items()
                if key.startswith("overlay/")}
