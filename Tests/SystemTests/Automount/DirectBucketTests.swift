import TestSupport
import Testing

extension AutomountSystemTests {
  /// `doctor` on a machine with the bucket mounted by s3fs: can it be read without?
  @Suite struct DirectBucketTests {
    let bucket: BucketLab
    let lab: AutofsLab
    private static let keys = [
      "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "not-shown",
    ]

    init() throws {
      bucket = try BucketLab()
      let work = try TemporaryFolder()
      try Tool.check(
        [Tool.autosquash, "pack", Fixture.course, "-o", "course.squash", "-q"], in: work.root)
      try bucket.upload(work.path("course.squash"), as: "autosquash/course.squash")
      lab = try AutofsLab(images: bucket.mountPoint + "/autosquash")
    }

    private func doctor(
      _ options: [String] = [], _ more: [String: String] = keys
    ) throws -> Tool.Result {
      let result = try Tool.run(
        [Tool.autosquash, "doctor"] + options,
        environment: LabEnvironment.empty.merging(more) { $1 }.merging([
          "AUTOSQUASH_CONFIG": lab.configuration
        ]) { $1 })
      #expect(!result.text.contains("not-shown"), "\(result.text)")
      return result
    }

    /// The bucket, its folder and its server are those of the s3fs process.
    @Test func readsWhatTheMountShows() throws {
      let result = try doctor()
      #expect(result.status == 0, "\(result.summary)")
      let direct =
        result.text.split(separator: "\n").first { $0.contains("bucket, direct: ") } ?? ""
      #expect(
        direct.hasPrefix("ok    bucket, direct: s3://\(S3Server.bucket)/autosquash/ answers in ")
          && direct.hasSuffix(" with the credentials of the environment (region us-east-1)"),
        "\(result.text)")
      let costs = result.text.split(separator: "\n").first { $0.contains("direct or s3fs: ") } ?? ""
      #expect(
        costs.hasPrefix("ok    direct or s3fs: ls -l of course.squash takes 2 requests and ")
          && costs.hasSuffix(" (multipart_size=5, parallel_count=2)"), "\(result.text)")
      // What it says of s3fs is what info --cost says.
      let predicted = try Tool.autosquash(
        "info", "--cost", lab.images + "/course.squash"
      ).text
      let row = predicted.split(separator: "\n").first { $0.hasPrefix("ls -l ") } ?? ""
      let words = row.split(separator: " ")
      #expect(
        costs.contains("predicts \(words[2]) and \(words[4]) \(words[5]) ("),
        "\(costs) \(row)")
    }

    @Test func withoutCredentialsThoseOfS3fsCanBeCopied() throws {
      let result = try doctor([], [:])
      #expect(result.status == 0, "\(result.summary)")
      #expect(
        result.text.contains(
          "warn  bucket, direct: s3://\(S3Server.bucket)/autosquash/: there are no credentials in "),
        "\(result.text)")
      #expect(
        !result.text.contains("direct or s3fs") && !result.text.contains("testing"),
        "\(result.text)")
      // The remedy works.
      let command = try #require(
        result.text.split(separator: ": sudo ").last?.split(separator: "\n").first)
      let home = try TemporaryFolder()
      try bucket.folder.write(
        "passwd", Array("other:no:no\n\(S3Server.bucket):testing:not-shown\nx:y\n".utf8))
      let copied = try Tool.run(["sh", "-c", String(command)], environment: ["HOME": home.root])
      #expect(copied.status == 0 && copied.errors == "", "\(command): \(copied.summary)")
      #expect(
        try home.read(".aws/credentials")
          == Array(
            """
            [default]
            aws_access_key_id = testing
            aws_secret_access_key = not-shown

            """.utf8))
      let again = try doctor([], ["HOME": home.root, "AWS_SHARED_CREDENTIALS_FILE": ""])
      #expect(
        again.text.contains(" with the credentials of the profile default (region us-east-1)\n"),
        "\(again.text)")
    }

    /// An option goes before what the mount says; a server that is away does not fail the mount.
    @Test func aServerThatIsAway() throws {
      let result = try doctor(["--endpoint-url", "http://127.0.0.1:1"])
      #expect(result.status == 0, "\(result.summary)")
      #expect(
        result.text.contains(
          "warn  bucket, direct: s3://\(S3Server.bucket)/autosquash/: no connection to 127.0.0.1"),
        "\(result.text)")
    }

    /// When s3fs is dead, the bucket itself may still answer: what would mount it says where it is.
    @Test func aDeadMountIsReadByItsLineInFstab() throws {
      bucket.crash()
      let unknown = try doctor()
      #expect(unknown.status == 1 && !unknown.text.contains("direct"), "\(unknown.summary)")
      let dead = try doctor(fstab: bucket.fstabLine)
      #expect(
        dead.text.contains("ok    bucket, direct: s3://\(S3Server.bucket)/autosquash/ answers in ")
          && dead.text.contains("ok    direct or s3fs: ls -l of course.squash takes 2 requests")
          && dead.text.contains("(multipart_size=10, parallel_count=5)"), "\(dead.summary)")
    }

    /// The ways to write the same place, none of which is there.
    @Test func placesInFstab() throws {
      bucket.crash()
      for (source, type, options, place) in [
        ("lab", "fuse.s3fs", "", "s3://lab/autosquash/"),
        ("lab:/a//b/", "fuse.s3fs", "", "s3://lab/a/b/autosquash/"),
        ("s3fs#lab:/a", "fuse", "", "s3://lab/a/autosquash/"),
        ("s3fs", "fuse.s3fs", ",bucket=lab", "s3://lab/autosquash/"),
      ] {
        let line =
          "\(source) \(bucket.mountPoint) \(type) ro,url=http://127.0.0.1:1/\(options) 0 0\n"
        let result = try doctor(fstab: line)
        #expect(
          result.text.contains("warn  bucket, direct: \(place): no connection to 127.0.0.1 "),
          "\(line): \(result.summary)")
      }
    }

    /// With a table of mounts of its own.
    private func doctor(fstab: String) throws -> Tool.Result {
      try bucket.folder.write("fstab", Array(fstab.utf8))
      return try Tool.run(
        [
          "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/fstab && exec \"$@\"",
          bucket.folder.path("fstab"), Tool.autosquash, "doctor",
        ],
        environment: LabEnvironment.empty.merging(Self.keys) { $1 }.merging([
          "AUTOSQUASH_CONFIG": lab.configuration
        ]) { $1 })
    }
  }
}
