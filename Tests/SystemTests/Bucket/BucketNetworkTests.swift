import Posix
import TestSupport
import Testing

/// Ways to a server other than a plain connection by IPv4, and libcurl itself.
extension BucketSystemTests {
  @Suite struct Network {
    let sample: BucketSample
    let expected: String

    private static let proxied = "s3://proxied/image.squash"

    init() throws {
      sample = try BucketSample.shared()
      expected = try Tool.autosquash("ls", sample.image).text
    }

    private func list(
      _ name: String, _ environment: [String: String], _ more: [String: String] = [:]
    ) throws -> Tool.Result {
      try Tool.run(
        [Tool.autosquash, "ls", name], environment: environment.merging(more) { $1 })
    }

    /// The variables, and whether requests take the proxy.
    @Test(arguments: [
      (["http_proxy"], "", true), (["HTTP_PROXY"], "", true), (["all_proxy"], "", true),
      (["http_proxy", "HTTP_PROXY"], "127.0.0.1", false), (["https_proxy"], "", false),
    ])
    func aProxyForHTTP(_ names: [String], exempt: String, isUsed: Bool) throws {
      let server = try BucketSystemTests.faults.get()
      try server.put("proxied", "image.squash", file: sample.image)
      let proxy = try ProxyServer()
      let variables = names.map { ($0, proxy.url) } + [("NO_PROXY", exempt)]
      let result = try list(
        Self.proxied, server.environment, Dictionary(uniqueKeysWithValues: variables))
      #expect(result.status == 0 && result.text == expected, "\(result.summary)")
      let url = "GET \(server.url)/proxied/image.squash"
      #expect(proxy.requests == (isUsed ? [url, url] : []))
    }

    @Test(arguments: ["https_proxy", "HTTPS_PROXY"]) func aProxyForHTTPS(_ name: String) throws {
      let authority = try TestAuthority()
      let server = try FaultServer(authority: authority)
      try server.put("proxied", "image.squash", file: sample.image)
      let proxy = try ProxyServer()
      let result = try list(
        Self.proxied, server.environment,
        [name: proxy.url, "NO_PROXY": "", "AWS_CA_BUNDLE": authority.bundle])
      #expect(result.status == 0 && result.text == expected, "\(result.summary)")
      let connection = "CONNECT \(server.url.split(separator: "/")[1])"
      #expect(!proxy.requests.isEmpty && proxy.requests.allSatisfy { $0 == connection })
    }

    /// Without long waits: neither gets better by itself.
    @Test func aProxyThatDoesNotWorkIsNamed() throws {
      let proxy = try ProxyServer(denies: true)
      let secure = try FaultServer(authority: TestAuthority())
      let cases = [
        (proxy.url, "the proxy gives no connection to 127.0.0.1 (status 403)"),
        ("http://user:hidden@127.0.0.1:1", "or to the proxy that the environment names"),
        ("odd://user:hidden@127.0.0.1:1", "or to the proxy that the environment names"),
      ]
      for (url, words) in cases {
        let result = try list(
          Self.proxied, secure.environment, ["https_proxy": url, "NO_PROXY": ""])
        #expect(result.status == 2 && result.errors.contains(words), "\(url): \(result.summary)")
        #expect(!result.errors.contains("hidden"), "\(result.errors)")
      }
    }

    @Test func nobodyListens() throws {
      let server = try BucketSystemTests.faults.get()
      let result = try list(
        Self.proxied, server.environment, ["AWS_ENDPOINT_URL": "http://127.0.0.1:1"])
      #expect(
        result.errors == "autosquash: s3://proxied/image.squash: no connection to 127.0.0.1 "
          + "(Connection refused)\n")
      #expect(result.status == 2)
    }

    /// Only on a terminal, unless quiet, and once, although two requests wait.
    @Test func aLongWaitIsTold() throws {
      let server = try BucketSystemTests.faults.get()
      func onTerminal(_ command: String) -> [String] {
        ["script", "-qec", "stty -onlcr; '\(Tool.autosquash)' \(command)", "/dev/null"]
      }
      for bucket in ["late", "quiet", "piped"] {
        try server.put(bucket, "image.squash", file: sample.image)
        try server.fail(
          bucket,
          [
            #""fault": "status", "status": 503, "times": 2, "headers": {"Retry-After": "4"}"#
          ])
      }
      let commands = [
        onTerminal("ls -1 s3://late/image.squash"),
        onTerminal("verify -q --quick s3://quiet/image.squash"),
        [Tool.autosquash, "ls", "-1", "s3://piped/image.squash"],
      ]
      let results = try concurrentMap(count: 3, threads: 3) { index in
        Result { try Tool.run(commands[index], environment: server.environment) }
      }
      let notice =
        "autosquash: no answer from 127.0.0.1 yet; trying on until 30 s have passed\n"
      for (result, text) in zip(results, [notice + expected, "", expected]) {
        let result = try result.get()
        #expect(result.text == text && result.status == 0, "\(result.summary)")
        #expect(result.errors.isEmpty, "\(result.summary)")
      }
    }

    /// The store checks that the signature is for the address in brackets.
    @Test func aServerByIPv6() throws {
      let server = try S3Server(.seaweedfs, objects: [("image.squash", sample.image)])
      let address = try ProxyServer(target: server.url)
      let result = try list(
        "s3://\(S3Server.bucket)/image.squash", server.environment,
        ["AWS_ENDPOINT_URL": address.url, "NO_PROXY": "*"])
      #expect(result.status == 0 && result.text == expected, "\(result.summary)")
    }

    /// Keys are no paths: nothing in them may be resolved on the way.
    @Test func stepsInKeysStay() throws {
      let server = try S3Server(
        .moto,
        objects: [
          ("a/../b", sample.image), ("a//b", sample.image), ("/./b", sample.image),
          ("b", sample.other), ("a/b", sample.other),
        ])
      let path = "data/deep/1.txt"
      for key in ["a/../b", "a//b", "/./b", "b", "a/b"] {
        let result = try Tool.run(
          [Tool.autosquash, "cat", "s3://\(S3Server.bucket)/\(key)", path],
          environment: server.environment)
        let name = ["b", "a/b"].contains(key) ? "other" : "image"
        #expect(result.text == "file 1 of \(name)\n", "\(key): \(result.summary)")
      }
    }

    /// Only what needs libcurl misses it.
    @Test func withoutLibcurlLocalImagesWork() throws {
      let folder = try TemporaryFolder()
      try folder.write("libcurl.so.4", [])
      let server = try BucketSystemTests.faults.get()
      let environment = server.environment.merging(["LD_LIBRARY_PATH": folder.root]) { $1 }
      let remote = try list("s3://nobody/image.squash", environment)
      #expect(
        remote.status == 2 && remote.errors.contains("\"apt-get install libcurl4\" installs it"),
        "\(remote.summary)")
      let local = try list(sample.image, environment)
      #expect(local.status == 0 && local.text == expected, "\(local.summary)")
    }
  }
}
