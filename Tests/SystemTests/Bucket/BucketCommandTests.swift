import TestSupport
import Testing

/// What the commands print for an image in a bucket is what they print for the same local file.
extension BucketSystemTests {
  @Suite(.serialized) struct Commands {
    /// Arguments with IMAGE for the image.
    static let commands: [[String]] = [
      ["ls", "IMAGE"],
      ["ls", "-lR", "IMAGE"],
      ["ls", "--json", "-R", "IMAGE", "data"],
      ["ls", "-l", "IMAGE", "data/deep", "text/numbers.txt"],
      ["info", "IMAGE"],
      ["info", "--json", "IMAGE"],
      ["info", "IMAGE", "data/random.bin"],
      ["cat", "IMAGE", "data/random.bin"],
      ["cat", "IMAGE", "data/deep/7.txt", "text/again.txt", "data/deep/9.txt"],
      ["extract", "--list", "IMAGE"],
      ["extract", "-q", "--to-tar", "-", "IMAGE", "data"],
      ["extract", "-q", "--to-tar", "-", "IMAGE"],
      ["verify", "IMAGE"],
      ["verify", "--quick", "IMAGE"],
      ["verify", "--json", "IMAGE"],
      ["manifest", "IMAGE"],
      ["diff", "IMAGE", "LOCAL"],
      ["diff", "OTHER", "IMAGE"],
      // What they say of what is not there.
      ["ls", "IMAGE", "nope"],
      ["cat", "IMAGE", "data"],
    ]

    /// Which servers are asked for what: the two that ignore conditions, only for what is read most.
    static let servers: [(S3Server.Kind, [[String]])] = [
      (.seaweedfs, commands), (.moto, commands),
      (.juicefs, commands.filter { ["ls", "cat"].contains($0[0]) }),
      (.rclone, commands.filter { ["ls", "cat"].contains($0[0]) }),
    ]

    static let key = "autosquash/image.squash"
    /// As aws-cli and boto3 name it: nothing in it is decoded.
    static let oddKey = "odd names/ü + 100%41 = ~*'().squash"

    @Test(arguments: servers)
    func outputIsThatOfTheLocalFile(_ kind: S3Server.Kind, _ commands: [[String]]) throws {
      let sample = try BucketSample.shared()
      let server = try S3Server(kind, objects: [(Self.key, sample.image)])
      let url = "s3://\(S3Server.bucket)/\(Self.key)"
      for command in commands {
        func run(_ image: String) throws -> Tool.Result {
          let names = ["IMAGE": image, "LOCAL": sample.image, "OTHER": sample.other]
          return try Tool.run(
            [Tool.autosquash] + command.map { names[$0] ?? $0 }, environment: server.environment)
        }
        let local = try run(sample.image)
        let remote = try run(url)
        #expect(remote.status == local.status, "\(kind) \(command): \(remote.errors)")
        #expect(
          remote.errors.replacing(url, with: sample.image) == local.errors, "\(kind) \(command)")
        // Most is text, and says in the message where the difference is.
        if remote.output != local.output {
          // Times differ.
          let seconds = /(, |"seconds": )[0-9.]+( s)?/
          let text = remote.text.replacing(url, with: sample.image).replacing(seconds, with: "")
          let isSame = text == local.text.replacing(seconds, with: "")
          #expect(isSame, "\(kind) \(command): \(text.prefix(2000))")
        }
      }
    }

    @Test func extractWritesTheSameTree() throws {
      let sample = try BucketSample.shared()
      let server = try S3Server(.seaweedfs, objects: [(Self.oddKey, sample.image)])
      let folder = try TemporaryFolder()
      let result = try Tool.run(
        [
          Tool.autosquash, "extract", "s3://\(S3Server.bucket)/\(Self.oddKey)", "-q", "-d",
          "remote",
        ],
        in: folder.root, environment: server.environment)
      #expect(result.status == 0, "\(result.summary)")
      let local = try Tool.autosquash(
        "extract", sample.image, "-q", "-d", "local", in: folder.root)
      #expect(local.status == 0, "\(local.summary)")
      let differences = try Snapshot(of: folder.path("remote"))
        .differences(from: Snapshot(of: folder.path("local")))
      #expect(differences == [])
    }
  }
}
