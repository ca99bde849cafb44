import FileTrees
import Glibc
import Inputs
import ObjectStore
import Posix
import SquashFS
import Uploading

/// What an image in a bucket needs.
extension Packer {
  /// The size of the parts in which the image goes there, in bytes.
  ///
  /// All have one size, and there are at most 10,000, so it depends on how large the image may become.
  func partSize() -> Int {
    if let size = options.partSize { return size }
    var sum: UInt64 = 0
    for input in inputs {
      guard let size = input.size(dereferences: options.directories.dereferences) else {
        return Self.partSizeOfStream
      }
      let (most, isTooLarge) = size.multipliedReportingOverflow(
        by: input.isDirectory || !compressesLittle ? 1 : Self.mostCompressed)
      sum = isTooLarge ? .max : sum.addingReportingOverflow(most).overflow ? .max : sum + most
    }
    return PartSize.forObject(of: sum)
  }

  /// For an image of up to 156 GiB.
  private static let partSizeOfStream = 16 << 20
  /// How often larger than its source an image can be that is compressed less.
  private static let mostCompressed: UInt64 = 6

  private var compressesLittle: Bool {
    [.none, .lz4].contains(options.writer.compression.method)
  }

  /// The object's facts; `nil` if there is none.
  ///
  /// - Throws: `UploadError`.
  func remoteHead() throws -> ObjectHead? {
    do {
      guard let location = try ObjectLocation(parsing: output) else { return nil }
      return try ObjectHead(of: location, in: RemoteObjects.store)
    } catch { throw UploadError(output, error) }
  }
}

extension PackInput {
  /// The size in bytes of all files of a directory, or of an archive as it is; `nil` if it is unknown.
  fileprivate func size(dereferences: Bool) -> UInt64? {
    if isDirectory { return SizeEstimate.sum(of: path, dereferences: dereferences) }
    if RemoteObjects.isRemote(path) { return try? RemoteObjects.open(path).length }
    // A specification names files that lie elsewhere.
    guard path != Array("-".utf8), !path.suffix(6).elementsEqual(".mtree".utf8),
      let status = stat(at: path), status.isRegular
    else { return nil }
    return UInt64(status.st_size)
  }
}
