import HTTP
import Inputs
import ObjectStore
import Posix
import SquashFS
import Verification

/// Reads an image back from the bucket, as those do who will use it.
struct UploadProof {
  let url: [UInt8]
  /// Whether the file is known to be a whole image.
  let isImage: Bool

  /// Compares the ends of the object with those of the file, and checks the image's tables.
  ///
  /// - Throws: `StoreError` if the bucket has something else.
  func check(_ file: LocalFile, etag: String) throws {
    let object = try RemoteObjects.open(url)
    guard object.version.etag == etag, object.length == file.length else {
      throw ObjectUpload.overtaken
    }
    let count = Int(min(file.length, 64 << 10))
    for start in [0, file.length - UInt64(count)] {
      var (here, there) = ([UInt8](repeating: 0, count: count), [UInt8](repeating: 0, count: count))
      let isWhole = try there.withUnsafeMutableBytes { try object.read($0, at: start) } == count
      try here.withUnsafeMutableBytes { try file.file.read($0, at: start) }
      guard isWhole, here == there else { throw Self.damaged }
    }
    guard isImage else { return }
    var options = ImageVerification.Options()
    options.verifier.isQuick = true
    guard try ImageVerification(of: url, options).run().report.isWhole else { throw Self.damaged }
  }

  private static let damaged = StoreError(
    .badAnswer, "the store gives back other bytes than were sent; remove the object")
}
