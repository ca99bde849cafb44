import Foundation
import Glibc
import TestSupport
import Testing

extension AutomountSystemTests {
  /// From a tarball to `ls -l /mnt/autosquash/my-tarball`, through a bucket.
  @Suite struct BucketTests {
    let bucket: BucketLab
    let lab: AutofsLab
    let work: TemporaryFolder

    init() throws {
      bucket = try BucketLab()
      work = try TemporaryFolder()
      try Tool.check(
        ["tar", "-xzf", Fixture.course, "-C", work.root])
      try Tool.check(
        [Tool.autosquash, "pack", Fixture.course, "-o", "my-tarball.squash", "-q"], in: work.root)
      try bucket.upload(work.path("my-tarball.squash"), as: "autosquash/my-tarball.squash")
      lab = try AutofsLab(images: bucket.mountPoint + "/autosquash", timeout: 2)
    }

    /// The files of the tarball, as its image has them.
    private func expected() throws -> Snapshot {
      try Snapshot(of: work.path("course")).mapping { entry in
        entry.uid = 0
        entry.gid = 0
      }
    }

    @Test func theStory() throws {
      let listing = try Tool.check(["ls", "-l", "\(lab.mountRoot)/my-tarball"]).text
      #expect(listing.contains("README.txt") && listing.contains("root root"))
      let differences = try Snapshot(of: lab.mountRoot + "/my-tarball")
        .differences(from: expected())
      #expect(differences == [])
      // A student, who may not even look into the bucket.
      let student = try Tool.run([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat",
        "\(lab.mountRoot)/my-tarball/README.txt",
      ])
      let readme = try work.read("course/README.txt")
      #expect(student.output == readme, "\(student.summary)")
      #expect(lab.mounted == [Array("my-tarball".utf8)])
      #expect(lab.log == "")
      // Unused, it is unmounted, and its loop device released.
      #expect(try eventually { try lab.mounted.isEmpty && lab.loopDevices() == 0 })
      #expect(lab.access("my-tarball") == 0)
    }

    /// For a name new to s3fs: one lookup, one open and one read, each a request.
    @Test func oneNameIsFewRequests() throws {
      #expect(lab.access("my-tarball") == 0)
      for copy in ["second", "third"] {
        try bucket.upload(work.path("my-tarball.squash"), as: "autosquash/\(copy).squash")
      }
      var answer: Tool.Result?
      let requests = try bucket.requests {
        answer = try Tool.run(
          [Tool.autosquashMap, "second"], in: lab.mountRoot,
          environment: ["AUTOSQUASH_CONFIG": lab.configuration])
      }
      #expect(answer?.status == 0)
      let object = "/\(S3Server.bucket)/autosquash/second.squash"
      #expect(
        requests == ["HEAD \(object)", "HEAD \(object)", "GET \(object)"], "\(requests)")
      // With the mount: nothing is fetched twice.
      let all = bucket.requests { #expect(lab.access("third") == 0) }
      #expect(all.count { $0.hasPrefix("GET") } == 1, "\(all)")
      #expect(all.count <= 4, "\(all)")
    }

    @Test func imagesThatAreRemovedReplacedOrCut() throws {
      #expect(lab.access("nope") == ENOENT)
      #expect(
        lab.log.hasSuffix(
          ">> autosquash-map: nope: no such image in \(lab.images)\n"), "\(lab.log)")
      // Uploaded after a lookup: it appears within the second for which answers are kept.
      try bucket.upload(work.path("my-tarball.squash"), as: "autosquash/nope.squash")
      #expect(eventually { lab.access("nope") == 0 })

      // Half an upload.
      let whole = try work.read("my-tarball.squash")
      try work.write("cut.squash", Array(whole[..<(whole.count / 2)]))
      try bucket.upload(work.path("cut.squash"), as: "autosquash/cut.squash")
      #expect(lab.access("cut") == ENOENT)
      #expect(
        lab.log.contains(
          ">> autosquash-map: cut: \(lab.images)/cut.squash will not mount: the file is "),
        "\(lab.log)")

      // Removed: it works as long as it is mounted, and is gone afterwards.
      try bucket.remove("autosquash/nope.squash")
      #expect(lab.access("nope") == 0)
      #expect(eventually { lab.mounted.isEmpty })
      #expect(lab.access("nope") == ENOENT)

      // Replaced while unused: the new one is mounted, complete.
      try Tool.check(
        ["sh", "-c", "mkdir new; head -c 3000000 /dev/urandom > new/data"], in: work.root)
      try Tool.check([Tool.autosquash, "pack", "new", "-q"], in: work.root)
      try bucket.upload(work.path("new.squash"), as: "autosquash/my-tarball.squash")
      let mounted = lab.mountRoot + "/my-tarball/data"
      #expect(try eventually { try Tool.run(["cmp", work.path("new/data"), mounted]).status == 0 })
    }

    @Test func aBucketThatIsGoneIsToldInTime() throws {
      #expect(lab.access("my-tarball") == 0)
      bucket.crash()
      #expect(lab.access("second") == ENOENT)
      #expect(
        lab.log.contains(
          "second: cannot read \(lab.images)/second.squash: Transport endpoint is not connected; is"
        ),
        "\(lab.log)")
      bucket.unmount()
      try bucket.mount()
      // Mounts from the dead one must go first.
      #expect(try eventually { try lab.loopDevices() == 0 })
      #expect(eventually { lab.access("my-tarball") == 0 })
    }

    @Test func aBucketThatHangsIsToldInTime() throws {
      try lab.configure("answer-timeout = 2")
      bucket.hang()
      #expect(lab.access("my-tarball") == ENOENT)
      #expect(
        lab.log.contains(
          "my-tarball: \(lab.images) does not answer within 2 seconds; is the bucket still mounted"),
        "\(lab.log)")
      // The automounter accepts signals meanwhile; the process left behind waits alone.
      lab.daemon?.send(SIGHUP)
      let images = try lab.autosquash("images")
      #expect(images.status == 2 && images.errors.contains("no answer within 2 seconds"))
      let doctor = try lab.autosquash("doctor")
      #expect(doctor.status == 1 && doctor.text.contains("fail  images: "), "\(doctor.summary)")
      bucket.resume()
      #expect(eventually { lab.access("my-tarball") == 0 })
    }

    /// mount(8) finds its helper in one place only.
    private func withMountHelper(_ body: () throws -> Void) throws {
      let helper = "/sbin/mount.autosquash"
      try Tool.check(["ln", "-sf", Tool.autosquashMap, helper])
      defer { unlink(helper) }
      try body()
    }

    /// Listed names are also checked when used, by mount(8)'s helper.
    @Test func aListedImageOfABucketThatHangsFailsInTime() throws {
      lab.stop()
      try bucket.upload(work.path("my-tarball.squash"), as: "autosquash/second.squash")
      try work.write("short.squash", try work.read("my-tarball.squash").dropLast(8192))
      try withMountHelper {
        let lab = try AutofsLab(
          images: bucket.mountPoint + "/autosquash", settings: "answer-timeout = 2", browses: true)
        let list = String(decoding: try lab.folder.read("state/maps/top"), as: UTF8.self)
        #expect(list.contains("\"second\" -fstype=autosquash,"), "\(list)")
        #expect(lab.access("my-tarball") == 0)
        #expect(lab.mounted == [Array("my-tarball".utf8)])
        bucket.hangServer()
        #expect(lab.access("second") == ENOENT)
        bucket.resumeServer()
        #expect(eventually { lab.access("second") == 0 })
        // autosquash-map(8) lists the reasons.
        func reason(_ image: String) throws -> String {
          let result = try Tool.run(
            ["/sbin/mount.autosquash", "autosquash:\(image)", "/mnt", "-o", "ro"],
            environment: ["AUTOSQUASH_CONFIG": lab.configuration])
          return result.status == 32 ? result.errors : result.summary
        }
        try bucket.upload(work.path("short.squash"), as: "autosquash/third.squash")
        #expect(
          try reason("\(lab.images)/third.squash")
            .contains("third.squash will not mount: the file is "))
        #expect(try reason("\(lab.images)/../x").contains("it is not in \(lab.images)\n"))
        #expect(try reason("/etc/passwd").contains("it is not in \(lab.images)\n"))
      }
    }

    /// With a file that tells mount(8) about the bucket.
    private func recover(_ options: String...) throws -> Tool.Result {
      try work.write("fstab", Array(bucket.fstabLine.utf8))
      return try Tool.run(
        [Tool.autosquash, "recover"] + options,
        environment: [
          "AUTOSQUASH_CONFIG": lab.configuration, "LIBMOUNT_FSTAB": work.path("fstab"),
        ])
    }

    /// s3fs has crashed while somebody was in an image.
    @Test func aDeadBucketComesBackWithWhatTheDoctorSays() throws {
      #expect(lab.access("my-tarball") == 0)
      let student = try Running(
        ["sh", "-c", "cd '\(lab.mountRoot)/my-tarball' && exec sleep 60"].map { Array($0.utf8) })
      defer {
        kill(student.process, SIGKILL)
        _ = student.wait()
      }
      #expect(
        try eventually {
          try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/\(student.process)/cwd") == lab.mountRoot + "/my-tarball"
        })
      bucket.crash()
      // Until the kernel has forgotten what it knew about the image's file.
      usleep(1_500_000)
      let doctor = try lab.autosquash("doctor")
      #expect(doctor.text.contains("-> sudo autosquash recover\n"), "\(doctor.summary)")
      let recovered = try recover()
      #expect(recovered.status == 0, "\(recovered.summary)")
      #expect(
        recovered.errors.contains("\(bucket.mountPoint): unmounted, because it was dead")
          && recovered.errors.contains("my-tarball: unmounted, because its bucket was dead")
          && recovered.errors.contains("the bucket is mounted: 1 image"), "\(recovered.summary)")
      let differences = try Snapshot(of: lab.mountRoot + "/my-tarball")
        .differences(from: expected())
      #expect(differences == [])
      // A working bucket is left alone.
      let again = try recover()
      #expect(
        again.status == 0
          && again.errors == "autosquash: the bucket answers; its mount stays\n")
      #expect(lab.mounted == [Array("my-tarball".utf8)])
    }

    /// The network is gone for good, and the machine must stop.
    @Test func whatWaitsForABucketThatHangsIsSetFree() throws {
      try lab.configure("answer-timeout = 2")
      // A bucket that responds loses no connection.
      #expect(try recover("--release").errors == "" && lab.access("my-tarball") == 0)
      try bucket.upload(work.path("my-tarball.squash"), as: "autosquash/second.squash")
      bucket.hangServer()
      let waiting = try Running(
        ["cat", "\(bucket.mountPoint)/autosquash/second.squash"].map { Array($0.utf8) })
      usleep(300_000)
      let released = try recover("--release")
      #expect(
        released.status == 0
          && released.errors.contains("does not answer; freed the processes that wait for it"),
        "\(released.summary)")
      let ended = waiting.wait()
      #expect(ended.status == 1, "\(ended.summary)")
      bucket.resumeServer()
      let recovered = try recover()
      #expect(recovered.status == 0, "\(recovered.summary)")
      #expect(lab.access("second") == 0)
    }

    @Test func theDoctorMountsAnImage() throws {
      // A user's process that calls itself s3fs, with a number that could overflow.
      let fake = try Running(
        [
          "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c",
          "exec -a s3fs sleep 30 \(bucket.mountPoint) -o multipart_size=9223372036854775807",
        ].map { Array($0.utf8) })
      defer {
        kill(fake.process, SIGKILL)
        _ = fake.wait()
      }
      let doctor = try lab.autosquash("doctor")
      #expect(
        doctor.text.contains("ok    trial: \(lab.mountRoot)/my-tarball was mounted; "),
        "\(doctor.summary)")
      #expect(doctor.text.contains("ok    bucket: s3fs mounts it at \(bucket.mountPoint)\n"))
      #expect(doctor.text.contains("ok    s3fs options: multipart_size=5, parallel_count=2\n"))
      #expect(doctor.text.contains("ok    images: 1 of 1 in \(lab.images) would mount\n"))
      #expect(!doctor.text.contains("fail") && doctor.status == 0, "\(doctor.summary)")
      try work.write("bad.squash", Array("no image".utf8))
      try bucket.upload(work.path("bad.squash"), as: "autosquash/bad.squash")
      let bad = try lab.autosquash("doctor", "--json")
      #expect(
        bad.text.contains("bad.squash would not mount: only 8 bytes, too short"), "\(bad.summary)")
      lab.stop()
      let stopped = try lab.autosquash("doctor")
      #expect(
        stopped.status == 1 && stopped.text.contains("fail  autofs: "), "\(stopped.summary)")
    }
  }
}

/// The real archive in TestData.
enum Fixture {
  static let course: String = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return package.appendingPathComponent("TestData/course.tar.gz").path
  }()
}
