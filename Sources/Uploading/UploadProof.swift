import HTTP
import Inputs
package import ObjectStore
import Posix
import SquashFS
import Verification

/// Reads an object back from the bucket, as those do who will use it.
package struct UploadProof {
  private let url: [UInt8]
  private let object: RemoteObject

  /// - Parameters:
  ///   - url: of what was uploaded.
  ///   - etag: what the store has called it.
  ///   - length: in bytes.
  /// - Throws: `StoreError` if the bucket has something else.
  package init(url: [UInt8], etag: String, length: UInt64) throws(StoreError) {
    self.url = url
    object = try RemoteObjects.open(url)
    guard object.version.etag == etag, object.length == length else {
      throw ObjectUpload.overtaken
    }
  }

  /// Compares the ends of the object with those of the file.
  ///
  /// - Throws: `StoreError` if they differ.
  func compareEnds(with file: LocalFile) throws {
    let count = Int(min(file.length, 64 << 10))
    for start in [0, file.length - UInt64(count)] {
      var (here, there) = ([UInt8](repeating: 0, count: count), [UInt8](repeating: 0, count: count))
      let isWhole = try there.withUnsafeMutableBytes { try object.read($0, at: start) } == count
      try here.withUnsafeMutableBytes { try file.file.read($0, at: start) }
      guard isWhole, here == there else { throw Self.damaged }
    }
  }

  /// Checks the superblock and the tables of an image.
  ///
  /// - Throws: `StoreError` if they are damaged.
  package func checkImage() throws {
    var options = ImageVerification.Options()
    options.verifier.isQuick = true
    guard try ImageVerification(of: url, options).run().report.isWhole else { throw Self.damaged }
  }

  private static let damaged = StoreError(
    .unproved, "the store gives back other bytes than were sent; remove the object")
}
