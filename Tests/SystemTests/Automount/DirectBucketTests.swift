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
        direct.hasPrefix("ok    bucket, direct: s3://edgen-training/autosquash/ answers in ")
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

    @Test func withoutCredentialsItSaysWhereS3fsHasIts() throws {
      let result = try doctor([], [:])
      #expect(result.status == 0, "\(result.summary)")
      #expect(
        result.text.contains(
          "warn  bucket, direct: s3://edgen-training/autosquash/: there are no credentials in "),
        "\(result.text)")
      #expect(
        result.text.contains("-> s3fs has its keys in \(bucket.folder.path("passwd")), "),
        "\(result.text)")
      #expect(!result.text.contains("direct or s3fs"))
    }

    /// An option goes before what the mount says; a server that is away does not fail the mount.
    @Test func aServerThatIsAway() throws {
      let result = try doctor(["--endpoint-url", "http://127.0.0.1:1"])
      #expect(result.status == 0, "\(result.summary)")
      #expect(
        result.text.contains(
          "warn  bucket, direct: s3://edgen-training/autosquash/: no connection to 127.0.0.1"),
        "\(result.text)")
    }

    /// When s3fs is dead, the bucket itself may still answer, and its options are visible nowhere but
    /// in fstab, which a test leaves alone.
    @Test func aDeadMountStopsNothing() throws {
      bucket.crash()
      let result = try doctor()
      #expect(result.status == 1, "\(result.summary)")
      #expect(!result.text.contains("direct"), "\(result.text)")
    }
  }
}
