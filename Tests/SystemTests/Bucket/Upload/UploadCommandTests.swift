import Foundation
import TestSupport
import Testing

/// What the command does with each kind of server, and what it refuses.
extension UploadSystemTests {
  @Suite struct Command {
    private static let warning = "this store ignores conditions"

    /// SeaweedFS is strict, moto quick; the others ignore conditions.
    @Test(arguments: S3Server.Kind.allCases)
    func everyKindOfServerTakesAnImageAndWhatLiesBesideIt(_ kind: S3Server.Kind) throws {
      let sample = try UploadSystemTests.sample.get()
      let server = try S3Server(kind)
      func upload(_ options: String...) throws -> Tool.Result {
        try UploadSystemTests.upload(
          options + ["--part-size", "5M", "large.squash", UploadSystemTests.destination + "f/"],
          server.environment)
      }
      let first = try upload("--json")
      #expect(first.status == 0, "\(first.summary)")
      let line = try #require(
        JSONSerialization.jsonObject(with: Data(first.output)) as? [String: Any])
      #expect(line["url"] as? String == "s3://training/f/large.squash")
      #expect(line["result"] as? String == "uploaded")
      #expect((line["beside"] as? [String])?.count == 2)
      let ignores = [.juicefs, .rclone].contains(kind)
      #expect(
        first.errors.components(separatedBy: Self.warning).count == (ignores ? 2 : 1),
        "\(first.errors)")

      let contents = try server.contents(below: "f/")
      #expect(
        contents.objects.keys.sorted() == ["f/large.html", "f/large.mtree", "f/large.squash"])
      #expect(contents.uploads == [])
      #expect(contents.objects["f/large.html"]?.type == "text/html; charset=utf-8")
      for name in ["large.squash", "large.mtree", "large.html"] {
        #expect(try server.bytes(of: "f/" + name) == sample.bytes(name))
      }
      let verified = try Tool.run(
        [Tool.autosquash, "verify", "s3://training/f/large.squash", "--manifest"]
          + ["s3://training/f/large.mtree"], environment: server.environment)
      #expect(verified.status == 0, "\(verified.summary)")

      let second = try upload()
      #expect(second.status == 1)
      #expect(second.errors.contains("f/large.squash: there is an object with this name already"))
      let kept = try upload("--skip-existing")
      #expect(kept.status == 0 && kept.errors.contains("has the same contents already; skipped"))
      let odd = try UploadSystemTests.upload(
        ["small.squash", UploadSystemTests.destination + "odd/pl ain+x ü.squash"],
        server.environment)
      #expect(odd.status == 0, "\(odd.summary)")
      let listed = try Tool.run(
        [Tool.autosquash, "images", "s3://training/odd/"], environment: server.environment)
      #expect(listed.text.contains("\npl ain+x ü.squash "), "\(listed.summary)")
      #expect(listed.text.hasSuffix(" ok\n"), "\(listed.summary)")
      let forced = try upload("--force")
      #expect(forced.status == 0 && forced.errors.contains("whoever has it mounted"))
      #expect(try server.bytes(of: "f/large.squash") == sample.bytes("large.squash"))
    }

    @Test func anotherImageOfTheSameNameIsNotSkipped() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let sample = try UploadSystemTests.sample.get()
      try server.put([("other/large.squash", sample.folder.path("small.squash"))])
      let result = try UploadSystemTests.upload(
        ["--skip-existing", "large.squash", UploadSystemTests.destination + "other/"],
        server.environment)
      #expect(result.status == 1 && result.errors.contains("another object has this name"))
      #expect(try server.bytes(of: "other/large.squash") == sample.bytes("small.squash"))
      #expect(try server.contents(below: "other/").objects.count == 1)
    }

    @Test func imagesGoUpTogetherOrNotAtAll() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let missing = try UploadSystemTests.upload(
        ["small.squash", "none.squash", UploadSystemTests.destination + "all/"], server.environment)
      #expect(missing.status == 2 && missing.errors.contains("none.squash: cannot open"))
      #expect(try server.contents(below: "all/").objects.isEmpty)
      let both = try UploadSystemTests.upload(
        ["-q", "small.squash", "large.squash", UploadSystemTests.destination + "all/"],
        server.environment)
      #expect(both.status == 0 && both.errors.isEmpty, "\(both.summary)")
      #expect(try server.contents(below: "all/").objects.count == 4)
    }

    /// A manifest that is made later goes up later; the one of an image that is replaced is told.
    @Test func whatLiesBesideAnImageMayComeLater() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let sample = try UploadSystemTests.sample.get()
      let folder = try TemporaryFolder()
      try folder.write("large.squash", sample.bytes("large.squash"))
      func upload(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(
          [Tool.autosquash, "upload", "large.squash", UploadSystemTests.destination + "late/"]
            + arguments, in: folder.root, environment: server.environment)
      }
      #expect(try upload().status == 0)
      try folder.write("large.mtree", sample.bytes("large.mtree"))
      let later = try upload("--skip-existing")
      #expect(
        later.status == 0 && later.errors.contains("skipped, but large.mtree was missing"),
        "\(later.summary)")
      #expect(try server.bytes(of: "late/large.mtree") == sample.bytes("large.mtree"))
      let again = try upload("--skip-existing")
      #expect(again.status == 0 && again.errors.hasSuffix("skipped\n"), "\(again.summary)")
      try Tool.check(["rm", folder.path("large.mtree")])
      let forced = try upload("--force")
      #expect(
        forced.errors.contains("large.mtree: warning: this belongs to the image that is replaced"),
        "\(forced.summary)")
    }

    /// An answer to HEAD has no reason in it.
    @Test func wrongKeysAreCalledSo() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let result = try UploadSystemTests.upload(
        ["small.squash", UploadSystemTests.destination + "wrong/"],
        server.environment.merging(["AWS_SECRET_ACCESS_KEY": "wrong"]) { $1 })
      #expect(
        result.status == 2 && result.errors.contains("does not accept these credentials"),
        "\(result.summary)")
    }

    /// What cannot succeed is refused before anything is sent.
    @Test func whatCannotBeIsRefused() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let folder = try TemporaryFolder()
      try Tool.check(["truncate", "-s", "60G", folder.path("large.squash")])
      try folder.write("empty.squash", [])
      func upload(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(
          [Tool.autosquash, "upload", "--no-verify"] + arguments, in: folder.root,
          environment: server.environment)
      }
      let destination = UploadSystemTests.destination + "cannot/"
      let parts = try upload("--part-size", "5M", "large.squash", destination)
      #expect(
        parts.status == 2 && parts.errors.contains("--part-size 7M is enough"), "\(parts.summary)")
      let frozen = try upload("--storage-class", "GLACIER", "empty.squash", destination)
      #expect(frozen.status == 64 && frozen.errors.contains("cannot be read"), "\(frozen.summary)")
      let manifest = try upload("empty.squash", destination + "x.mtree")
      #expect(
        manifest.status == 2 && manifest.errors.contains("the name of the file beside an image"),
        "\(manifest.summary)")
      #expect(try server.contents(below: "cannot/").objects.isEmpty)
      let empty = try upload("empty.squash", destination)
      #expect(empty.status == 0, "\(empty.summary)")
    }

    @Test func oneImageMayGetAnotherName() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let result = try UploadSystemTests.upload(
        ["small.squash", UploadSystemTests.destination + "names/a b+ü.squash"], server.environment)
      #expect(result.status == 0, "\(result.summary)")
      #expect(try server.contents(below: "names/").objects["names/a b+ü.squash"]?.size == 4096)
    }

    @Test func aDamagedImageAndAForeignManifestAreRefused() throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let folder = try TemporaryFolder()
      let sample = try UploadSystemTests.sample.get()
      var bytes = try sample.bytes("large.squash")
      bytes.removeLast(1 << 20)
      try folder.write("bad.squash", bytes)
      try folder.write("foreign.squash", sample.bytes("small.squash"))
      func upload(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(
          [Tool.autosquash, "upload"] + arguments + [UploadSystemTests.destination + "refused/"],
          in: folder.root, environment: server.environment)
      }
      let damaged = try upload("bad.squash")
      #expect(damaged.status == 1 && damaged.errors.contains("bad.squash: not a whole image"))
      for (name, suffix) in [("large.mtree", ".mtree"), ("large.html", ".html")] {
        try folder.write("foreign" + suffix, sample.bytes(name))
        let foreign = try upload("foreign.squash")
        #expect(
          foreign.status == 1
            && foreign.errors.contains("foreign\(suffix): this belongs to another image"))
        try Tool.check(["rm", folder.path("foreign" + suffix)])
      }
      #expect(try server.contents(below: "refused/").objects.isEmpty)
      // A specification that somebody else has written stays at home.
      try folder.write("foreign.mtree", Array("#mtree\n./a type=file\n".utf8))
      #expect(try upload("foreign.squash").status == 0)
      #expect(try upload("--no-verify", "bad.squash").status == 0)
      #expect(
        try server.contents(below: "refused/").objects.keys.sorted() == [
          "refused/bad.squash", "refused/foreign.squash",
        ])
    }

    @Test(arguments: [
      (["large.squash"], "Name an IMAGE, and where it goes"),
      (["large.squash", "folder"], "not in a bucket; the destination comes last"),
      (
        ["large.squash", "s3://training/folder"],
        "a folder ends with a slash: s3://training/folder/"
      ),
      (["a.squash", "b.squash", "s3://training/c.squash"], "several images need a folder"),
      (["--sse-kms-key-id", "x", "a.squash", "s3://training/"], "needs --sse aws:kms"),
      (["--part-size", "1M", "a.squash", "s3://training/"], "--part-size"),
      (["--tagging", "x", "a.squash", "s3://training/"], "--tagging is NAME=VALUE"),
    ])
    func whatCannotBeMeantIsRefused(_ arguments: [String], _ says: String) throws {
      let result = try UploadSystemTests.upload(arguments, LabEnvironment.empty)
      #expect(result.status == 64 && result.errors.contains(says), "\(result.summary)")
    }

    @Test func theObjectIsStoredAsTheUserSays() throws {
      let server = try UploadSystemTests.moto.get()
      for (folder, size) in [("small", "small.squash"), ("large", "large.squash")] {
        let result = try UploadSystemTests.upload(
          ["--part-size", "5M", "--storage-class", "STANDARD_IA", "--sse", "aws:kms"]
            + ["--sse-kms-key-id", "the-key", "--tagging", "a=b", "--acl", "private"]
            + ["--request-payer", "requester", size]
            + [UploadSystemTests.destination + "options-\(folder)/"], server.environment)
        #expect(result.status == 0, "\(result.summary)")
        let object = try server.contents(below: "options-\(folder)/").objects.values.first {
          $0.size > 4000
        }
        #expect(object?.class == "STANDARD_IA" && object?.sse == "aws:kms")
        #expect(object?.key == "the-key" && object?.metadata == ["autosquash-upload"])
      }
    }
  }
}
