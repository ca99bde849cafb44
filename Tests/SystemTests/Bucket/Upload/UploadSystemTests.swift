import TestSupport
import Testing

/// `autosquash upload` into real S3 servers; boto3 and aws-cli see what is there.
@Suite enum UploadSystemTests {
  static let sample = Result { try UploadSample() }
  static let seaweedfs = Result { try S3Server(.seaweedfs) }
  static let moto = Result { try S3Server(.moto) }

  static let destination = "s3://\(S3Server.bucket)/"

  /// Runs `autosquash upload` in the folder of the sample.
  static func upload(
    _ arguments: [String], _ environment: [String: String]
  ) throws -> Tool.Result {
    let result = try Tool.run(
      [Tool.autosquash, "upload"] + arguments, in: sample.get().folder.root,
      environment: environment)
    #expect(
      !result.errors.contains(S3Server.secretKey) && !result.text.contains(S3Server.secretKey))
    return result
  }
}

/// An image of several parts of 5 MiB with its manifest and its page, and a small one.
struct UploadSample: Sendable {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir large small
        head -c 12000000 /dev/urandom >large/random.bin
        seq 100 >large/numbers.txt
        cp large/numbers.txt small
        for name in large small; do '\(Tool.autosquash)' pack $name -q --compression zstd --manifest; done
        '\(Tool.autosquash)' manifest --html large.squash -o large.html
        rm small.mtree
        """,
      ], in: folder.root)
  }

  func bytes(_ name: String) throws -> [UInt8] { try folder.read(name) }
}
