import Foundation
import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Images in a bucket, mounted.
  @Suite(.serialized) struct MountBucketTests {
    let server: FaultServer
    let sample: BucketSample

    init() throws {
      server = try BucketSystemTests.faults.get()
      sample = try BucketSample.shared()
    }

    private func mount(_ bucket: String) throws -> OwnMount {
      try server.put(bucket, "image.squash", file: sample.image)
      return try OwnMount("s3://\(bucket)/image.squash", environment: server.environment)
    }

    @Test func showsWhatTheImageHas() throws {
      let own = try mount("mount-whole")
      #expect(own.line?.hasPrefix("s3://mount-whole/image.squash ") == true)
      let result = try withMount(of: sample.image) { try compare("walk", $0, own.path) }
      #expect(result.status == 0, "\(result.summary)")
    }

    /// A read that waits for the bucket ends when its program is interrupted.
    @Test func aWaitingReadIsInterrupted() throws {
      let own = try mount("mount-silent")
      try server.fail("mount-silent", [#""fault": "silence""#])
      let script = """
        import ctypes, mmap, os, signal, sys
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.siginterrupt(signal.SIGALRM, True)
        file = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
        buffer = mmap.mmap(-1, 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        read = ctypes.CDLL(None, use_errno=True).pread
        signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
        count = read(file, ctypes.c_void_p(address), 4096, ctypes.c_long(3 << 20))
        print(count, ctypes.get_errno())
        """
      let result = try Tool.run(["python3", "-c", script, own.path + "/" + BucketSample.big])
      #expect(result.text == "-1 \(EINTR)\n", "\(result.summary)")
    }

    /// A mount that waits for the bucket ends when it is told to.
    @Test(arguments: [[], ["--foreground"]]) func aWaitingMountIsInterrupted(options: [String])
      throws
    {
      let bucket = "mount-waits\(options.count)"
      try server.put(bucket, "image.squash", file: sample.image)
      try server.fail(bucket, [#""fault": "silence""#])
      let folder = try TemporaryFolder()
      let path = folder.path("mount")
      try Tool.check(["mkdir", path])
      let daemon = try Daemon(
        [Tool.autosquash, "mount", "s3://\(bucket)/image.squash", path] + options,
        log: folder.path("log"), environment: server.environment)
      #expect(eventually { OwnProcess.all(with: path).contains { $0.serves } })
      daemon.send(SIGTERM)
      #expect(eventually { !daemon.isRunning })
      #expect(eventually { OwnProcess.all(with: path).isEmpty })
      #expect(daemon.text.isEmpty, "\(daemon.text)")
    }

    /// What cannot be fetched is an error of the read, and later reads try again.
    @Test func aFailureIsNotKept() throws {
      let own = try mount("mount-denied")
      try server.fail(
        "mount-denied", [#""fault": "status", "status": 403, "code": "AccessDenied""#])
      let big = own.path + "/" + BucketSample.big
      let failed = try Tool.run(["cat", big])
      #expect(failed.status == 1 && failed.errors.contains("Input/output error"))
      try server.control(#"{"clear": "/mount-denied/"}"#)
      let later = try Tool.run(["cat", big])
      #expect(later.status == 0 && later.output == sample.bigContents)
    }
  }
}
