import Inputs
import Manifests
package import ObjectStore
import Posix

/// Where images go: into a folder of a bucket, under their own names, or to one key.
package struct UploadDestination: Equatable, Sendable {
  private let bucket: String
  private let key: [UInt8]

  /// - Parameter text: `s3://BUCKET/FOLDER/` or `s3://BUCKET/KEY`.
  /// - Throws: `StoreError` with the code `invalid`.
  package init(parsing text: [UInt8]) throws(StoreError) {
    guard case .bucket(let bucket, let key)? = try ObjectLocation(parsing: text) else {
      throw StoreError(
        .invalid, "not in a bucket; the destination comes last, as s3://BUCKET/FOLDER/")
    }
    if let name = key.split(separator: pathSeparator).last, key.last != pathSeparator,
      !name.dropFirst().contains(UInt8(ascii: "."))
    {
      throw StoreError(
        .invalid, "a folder ends with a slash: \((text + [pathSeparator]).shellWord)")
    }
    self.bucket = bucket
    self.key = key
  }

  /// Whether it is a folder, so that it can take several images.
  package var isFolder: Bool { key.isEmpty || key.last == pathSeparator }

  /// The object that a file becomes.
  ///
  /// - Throws: `StoreError` with the code `invalid` if its name makes the key too long.
  package func location(of file: [UInt8]) throws(StoreError) -> ObjectLocation {
    let key = isFolder ? key + ImageName.base(of: file) : key
    guard key.count <= 1024 else {
      throw StoreError(.invalid, "the key is longer than 1,024 bytes, the most that S3 takes")
    }
    let location = ObjectLocation.bucket(bucket, key: key)
    for kind in ManifestKind.allCases where location.beside(kind.suffix) == location {
      throw StoreError(
        .invalid, "this is the name of the file beside an image; images end in .squash")
    }
    return location
  }
}

extension ObjectLocation {
  /// As users write it.
  package var url: [UInt8] {
    switch self {
    case .bucket(let bucket, let key): Array("s3://\(bucket)/".utf8) + key
    case .web(let url): Array(url.utf8)
    }
  }

  /// The object beside it with another suffix, such as `.mtree`.
  package func beside(_ suffix: String) -> ObjectLocation {
    guard case .bucket(let bucket, let key) = self else { return self }
    return .bucket(bucket, key: ImageName.path(of: key, with: suffix))
  }
}
