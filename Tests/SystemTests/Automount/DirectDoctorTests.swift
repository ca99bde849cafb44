import Glibc
import TestSupport
import Testing

extension AutomountSystemTests {
  /// `doctor` on a machine whose images are mounted from the bucket itself.
  @Suite struct DirectDoctorTests {
    private let lab: AutofsLab
    private let server: FaultServer
    private let work: TemporaryFolder

    init() throws {
      server = try FaultServer()
      work = try TemporaryFolder()
      try Tool.check(
        [Tool.autosquash, "pack", Fixture.course, "-o", "course.squash", "-q"], in: work.root)
      try server.put("course", "images/course.squash", file: work.path("course.squash"))
      lab = try AutofsLab(
        images: "s3://course/images",
        settings: """
          endpoint-url = \(server.url)
          sign-requests = no
          cache = \(work.path("cache"))
          """, browses: true)
    }

    private func doctor() throws -> Tool.Result { try lab.autosquash("doctor") }

    /// Runs it where a script has hidden something; no image can be mounted there.
    private func doctor(_ script: String, _ prefix: [String] = []) throws -> Tool.Result {
      try Tool.run(
        ["unshare", "--mount", "sh", "-ec", script + "\nexec \"$@\"", "sh"] + prefix
          + [Tool.autosquash, "doctor"], environment: ["AUTOSQUASH_CONFIG": lab.configuration])
    }

    @Test func aMachineThatHasAllIsFine() throws {
      try AutomountSystemTests.withMountHelper {
        let told = try doctor()
        #expect(told.status == 0, "\(told.summary)")
        for line in [
          "ok    fuse: /dev/fuse and libfuse 3 are there\n",
          "ok    mount: /sbin/mount.autosquash is there\n", "ok    libcurl: it can be loaded\n",
          "ok    trial: \(lab.mountRoot)/course was mounted; ",
          "ok    images: 1 of 1 would mount\n",
        ] { #expect(told.text.contains(line), "\(line): \(told.text)") }
        let warnings = told.text.split(separator: "\n").filter { $0.hasPrefix("warn ") }
        // Nothing need keep the clock of a machine that tests.
        #expect(warnings.allSatisfy { $0.hasPrefix("warn  clock: ") }, "\(told.text)")
        #expect(!told.text.contains("loop") && !told.text.contains("s3fs"), "\(told.text)")
      }
    }

    private static func hidden(_ library: String) -> String {
      "mount --bind /dev/null $(ldconfig -p | sed -n 's/.*\(library) .*=> //p' | head -n 1)"
    }

    @Test(arguments: [
      (
        "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3",
        "fail  fuse: there is no /dev/fuse, ", "sudo modprobe fuse"
      ),
      (
        hidden("libfuse3.so.3"),
        "fail  fuse: libfuse 3, which mounts the images, cannot be loaded: ",
        "sudo apt-get install fuse3"
      ),
      (
        hidden("libcurl.so.4"),
        "fail  libcurl: libcurl, which reads the bucket, cannot be loaded: ",
        "sudo apt-get install libcurl4"
      ),
    ])
    func whatIsMissingIsTold(script: String, expected: String, remedy: String) throws {
      try AutomountSystemTests.withMountHelper {
        let told = try doctor(script)
        #expect(told.status == 1, "\(told.summary)")
        let lines = told.text.split(separator: "\n")
        let index = lines.firstIndex { $0.hasPrefix(expected) }
        #expect(index.map { lines[$0 + 1] } == "      -> \(remedy)", "\(told.text)")
      }
    }

    /// The command that doctor gives for it works.
    @Test func withoutTheHelperItIsMade() throws {
      let told = try doctor()
      #expect(told.status == 1, "\(told.summary)")
      let lines = told.text.split(separator: "\n")
      let index = try #require(
        lines.firstIndex {
          $0.hasPrefix("fail  mount: /sbin/mount.autosquash, which mount(8) runs for an image,")
        }, "\(told.text)")
      let command = lines[index + 1].dropFirst("      -> ".count)
      defer { unlink("/sbin/mount.autosquash") }
      try Tool.check(["sh", "-c", "sudo() { \"$@\"; }; \(command)"])
      #expect(eventually { lab.access("course") == 0 }, "\(lab.log)")
      #expect(try doctor().status == 0)
    }

    /// autofs mounts as root; others need fusermount3 for mounts of their own.
    @Test func usersNeedAnotherProgram() throws {
      try AutomountSystemTests.withMountHelper {
        let script =
          "mount -t tmpfs none /usr/local/bin; mount --bind /dev/null $(command -v fusermount3)"
        let user = ["setpriv", "--reuid=65534", "--clear-groups"]
        let told = try doctor(script, user)
        #expect(told.text.contains("ok    fuse: without fusermount3 only root"), "\(told.summary)")
        #expect(try !doctor("true", user).text.contains("fusermount3"))
        #expect(try !doctor(script).text.contains("fusermount3"))
      }
    }
  }
}
