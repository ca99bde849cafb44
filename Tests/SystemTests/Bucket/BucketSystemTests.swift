import Foundation
import TestSupport
import Testing

/// The commands on images in a bucket, with real S3 servers and one that fails as it is told.
@Suite enum BucketSystemTests {
  static let sample = Result { try BucketSample() }

  /// One for all tests, since it fails each bucket alone. It removes the sample in the end.
  static let faults = Result { try FaultServer(temporary: BucketSample.shared().folder) }
}

/// An image with files larger than what one request fetches, and another with the same names.
struct BucketSample: Sendable {
  let folder: TemporaryFolder
  var image: String { folder.path("image.squash") }
  /// What replaces it: the same files, of the same sizes, with other contents.
  var other: String { folder.path("other.squash") }
  /// A file of `image` in many blocks, and its contents.
  static let big = "data/random.bin"
  let bigContents: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        for name in image other; do
          mkdir -p $name/data/deep $name/empty $name/text
          head -c 6000000 /dev/urandom >$name/data/random.bin
          seq 300000 >$name/text/numbers.txt
          for i in $(seq 200); do echo "file $i of $name" >$name/data/deep/$i.txt; done
          ln -s data/random.bin $name/link
          ln $name/text/numbers.txt $name/text/again.txt
          '\(Tool.autosquash)' pack $name -q --compression zstd
        done
        """,
      ], in: folder.root)
    bigContents = try folder.read("image/" + Self.big)
  }

  static func shared() throws -> BucketSample { try BucketSystemTests.sample.get() }
}
