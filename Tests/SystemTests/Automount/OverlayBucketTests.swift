import Foundation
import Glibc
import TestSupport
import Testing

extension AutomountSystemTests {
  /// The overlay in a real bucket.
  @Suite struct OverlayBucketTests {
    let bucket: BucketLab
    let folder: TemporaryFolder

    init() throws {
      // Objects uploaded by anything but s3fs belong to root alone without a umask.
      bucket = try BucketLab(options: "umask=0022,multipart_size=5,parallel_count=2")
      folder = try TemporaryFolder()
      try Tool.check(["chmod", "755", folder.root, bucket.folder.root])
      try Tool.check(["mkdir", "-p", folder.path("root/home/training")])
      try folder.write("genome.fa", Array("ACGT\n".utf8))
    }

    private func overlay(_ arguments: String...) throws -> Tool.Result {
      try Tool.run(
        [
          Tool.autosquash, "overlay", arguments[0], "--overlay", bucket.mountPoint + "/overlay",
          "--root", folder.path("root"),
        ] + arguments.dropFirst())
    }

    @Test func theBucketsFilesAreAtTheirPlaces() throws {
      let keys = (1...20).map { "home/training/my course/part-\($0).fa" } + ["etc/course.conf"]
      for key in keys { try bucket.upload(folder.path("genome.fa"), as: "overlay/" + key) }
      let linked = try overlay("link")
      #expect(linked.text == "21 links made, 2 directories made\n", "\(linked.summary)")
      // Again: a listing of each directory, and nothing for each file.
      let requests = try bucket.requests {
        let again = try overlay("link")
        #expect(again.text == "nothing to change; 21 links are right\n", "\(again.summary)")
      }
      let listings = requests.count { $0.contains("prefix=overlay/") }
      #expect(requests.count { $0.contains(".fa") } == 0, "\(requests)")
      #expect(listings <= 2 * 6, "\(requests)")

      // A student reads the file, and writes one next to it.
      let place = folder.path("root/home/training/my course")
      let student = try Tool.run([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", "\(place)/part-7.fa",
      ])
      #expect(student.text == "ACGT\n", "\(student.summary)")

      try bucket.remove("overlay/home/training/my course/part-7.fa")
      let check = try overlay("check")
      #expect(check.status == 1 && check.text.contains("part-7.fa: would remove the link"))
      #expect(try overlay("prune").text.hasSuffix("1 stale link removed\n"))

      // Without the bucket nothing is pruned, and a hung bucket is reported.
      bucket.hang()
      try folder.write(
        "conf", Array("answer-timeout = 2\n".utf8))
      let hangs = try Tool.run(
        [
          Tool.autosquash, "overlay", "prune", "--overlay", bucket.mountPoint + "/overlay",
          "--root", folder.path("root"),
        ], environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
      #expect(hangs.status == 2 && hangs.errors.contains("no answer within 2 seconds"))
      bucket.resume()
      bucket.crash()
      #expect(try overlay("prune").status == 2)
      bucket.unmount()
      let gone = try overlay("prune")
      #expect(gone.status == 2 && gone.errors.contains("is the bucket mounted?"))
      #expect(
        try Tool.check(["find", folder.path("root"), "-type", "l"]).text
          .split(separator: "\n").count == 20)
    }

    /// A process that waits for the server and cannot be killed must not block the next one.
    @Test func whatIsLeftBehindKeepsNobody() throws {
      try bucket.upload(folder.path("genome.fa"), as: "autosquash/x.squash")
      try folder.write(
        "conf",
        Array(
          """
          images = \(bucket.mountPoint)/autosquash
          mount-root = \(folder.path("mnt"))
          state = \(folder.path("state"))
          answer-timeout = 2

          """.utf8))
      bucket.hangServer()
      for _ in 1...3 {
        let refresh = try Tool.run(
          ["timeout", "30", Tool.autosquash, "refresh"],
          environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
        #expect(
          refresh.status == 2 && refresh.errors.contains("no answer within 2 seconds"),
          "\(refresh.summary)")
      }
      bucket.resumeServer()
    }
  }
}
