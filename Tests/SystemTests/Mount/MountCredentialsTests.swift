import Foundation
import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Credentials that end while an image is mounted, and those that follow, in files which only root
  /// can read.
  @Suite(.serialized) struct MountCredentialsTests {
    private let server: FaultServer
    private let sample: BucketSample
    private let home: TemporaryFolder

    init() throws {
      server = try BucketSystemTests.faults.get()
      sample = try BucketSample.shared()
      home = try TemporaryFolder()
      try Tool.check(["mkdir", "-m", "700", home.path(".aws")])
    }

    /// The store accepts this session alone from now on.
    private func accept(_ token: String, _ bucket: String) throws {
      try server.control(#"{"clear": "/\#(bucket)/"}"#)
      try server.fail(bucket, [#""fault": "token", "token": "\#(token)""#])
    }

    /// Replaces the file.
    private func write(_ token: String, _ name: String) throws {
      try home.write(
        "new",
        Array(
          """
          [default]
          aws_access_key_id = ASIALAB
          aws_secret_access_key = hidden
          aws_session_token = \(token)

          """.utf8))
      try Tool.check(["chmod", "600", home.path("new")])
      try Tool.check(["mv", home.path("new"), home.path(name)])
    }

    private func mount(_ bucket: String) throws -> OwnMount {
      try server.put(bucket, "image.squash", file: sample.image)
      try accept("first", bucket)
      return try OwnMount(
        "s3://\(bucket)/image.squash",
        environment: LabEnvironment.empty.merging([
          "AWS_ENDPOINT_URL": server.url, "HOME": home.root, "AWS_SHARED_CREDENTIALS_FILE": "",
          "AWS_CONFIG_FILE": "",
        ]) { $1 })
    }

    private func read(_ own: OwnMount) throws -> Tool.Result {
      try Tool.run(["cat", own.path + "/" + BucketSample.big])
    }

    private func expectRenewal(_ own: OwnMount, _ bucket: String, _ renew: () throws -> Void) throws
    {
      try accept("second", bucket)
      let failed = try read(own)
      #expect(failed.errors.contains("Input/output error"), "\(failed.errors)")
      try renew()
      // Credentials that are a few seconds old are not asked for again.
      #expect(try eventually { try read(own).status == 0 })
      #expect(try read(own).output == sample.bigContents)
      #expect(own.processes.count == 2)
    }

    @Test func aFileIsReadAgain() throws {
      try write("first", ".aws/credentials")
      let own = try mount("session-file")
      try expectRenewal(own, "session-file") { try write("second", ".aws/credentials") }
      let server = try #require(own.processes.first { $0.serves })
      #expect(server.status["Uid"] == "65534\t65534\t65534\t65534")
      #expect(server.status["CapPrm"] == "0000000000000000")
    }

    /// The program is root's, without more rights.
    @Test func aProgramRunsAgain() throws {
      try write("first", "keys")
      try home.write(
        "print",
        Array(
          """
          cd "$(dirname "$0")"
          grep -h -e ^Uid -e ^CapEff -e ^NoNewPrivs /proc/self/status >rights
          printf '{"Version": 1, "AccessKeyId": "ASIALAB", "SecretAccessKey": "hidden", '
          printf '"SessionToken": "%s"}' "$(sed -n 's/aws_session_token = //p' keys)"
          """.utf8))
      try home.write(
        ".aws/config",
        Array("[default]\ncredential_process = sh '\(home.path("print"))'\n".utf8))
      let own = try mount("session-program")
      try expectRenewal(own, "session-program") { try write("second", "keys") }
      #expect(
        try String(decoding: home.read("rights"), as: UTF8.self)
          == "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n")
    }

    /// Nothing waits for a program that does not answer when the mount ends.
    @Test func aProgramThatHangsHoldsNoMount() throws {
      try write("first", "keys")
      try home.write(
        "print",
        Array(
          """
          cd "$(dirname "$0")"
          if [ -e hangs ]; then touch asked; exec sleep 10; fi
          printf '{"Version": 1, "AccessKeyId": "ASIALAB", "SecretAccessKey": "hidden", '
          printf '"SessionToken": "first"}'
          """.utf8))
      try home.write(
        ".aws/config",
        Array("[default]\ncredential_process = sh '\(home.path("print"))'\n".utf8))
      let own = try mount("session-hangs")
      try home.write("hangs", [])
      try accept("second", "session-hangs")
      #expect(
        try eventually {
          let reader = try Daemon(["cat", own.path + "/" + BucketSample.big], log: "/dev/null")
          defer { reader.end(with: SIGKILL) }
          return eventually(seconds: 6) { access(home.path("asked"), F_OK) == 0 }
        })
      // What reads the credentials has several threads, too.
      let server = try #require(
        own.processes.first { $0.serves && $0.status["Uid"]?.hasPrefix("65534\t") == true })
      kill(server.number, SIGKILL)
      #expect(eventually { !own.isMounted })
      #expect(own.hasEnded)
    }
  }
}
