import ObjectStore
import Posix
import Testing

@Suite struct ObjectLocationTests {
  @Test(arguments: [
    ("s3://course/a/b.squash", ObjectLocation.bucket("course", key: Array("a/b.squash".utf8))),
    ("s3://course", .bucket("course", key: [])),
    ("s3://course/a b?c#d%20", .bucket("course", key: Array("a b?c#d%20".utf8))),
    ("https://h/a b?c=%20#part", .web("https://h/a%20b?c=%20")),
    ("http://[::1]:80/\u{fc}", .web("http://[::1]:80/%C3%BC")),
  ])
  func namesOfObjects(text: String, location: ObjectLocation) throws {
    #expect(try ObjectLocation(parsing: Array(text.utf8)) == location)
  }

  @Test(arguments: ["my-tarball.squash", "./s3://course/a", "S3://course/a", "ftp://h/a", ""])
  func namesOfFiles(text: String) throws {
    #expect(try ObjectLocation(parsing: Array(text.utf8)) == nil)
  }

  @Test(arguments: [
    "s3://", "s3:///a", "s3://ab/c", "s3://a..b/c", "s3://bu cket/a", "s3://arn:aws:s3/x",
    "https://", "https:///a", "https://user@h/a", "https://user:secret@h/a", "https://h/a\nb",
  ])
  func whatCannotBe(text: String) {
    #expect { try ObjectLocation(parsing: Array(text.utf8)) } throws: { error in
      (error as? StoreError)?.code == .invalid && !"\(error)".contains("secret")
    }
  }

  @Test func aQueryMayBeAPassword() {
    #expect("https://h/a.squash?X-Amz-Signature=1".utf8.escapedName == "https://h/a.squash")
    #expect("a?b".utf8.escapedName == "a?b")
  }

  @Test(arguments: [
    ("bytes 0-99/1234", 0..<100, 1234), ("bytes 5-5/6", 5..<6, 6),
    ("bytes 0-0/9223372036854775807", 0..<1, 9_223_372_036_854_775_807),
  ])
  func rangesOfAnswers(text: String, range: Range<UInt64>, total: UInt64) {
    #expect(ContentRange(text)?.range == range)
    #expect(ContentRange(text)?.total == total)
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-99/*", "bytes */1234", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2",
    "bytes -1-2/3", "bytes 0-99999999999999999999/1", "bytes 0-1/9999999999999999999", "bytes 0-1",
    "bytes 0-1/2/3", "bytes a-b/c",
  ])
  func rangesThatMakeNoSense(text: String) {
    #expect(ContentRange(text) == nil)
  }
}
