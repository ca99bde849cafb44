import FileTrees
import Glibc
import HTTP
import Manifests
import ObjectStore
import Posix

/// A file to upload, which must not change meanwhile.
struct LocalFile: Sendable {
  let path: [UInt8]
  let file: OpenFile
  let length: UInt64
  private let stamp: FileStamp

  /// - Throws: `SourceError` if it cannot be opened, or is no regular file.
  init(_ path: [UInt8]) throws {
    guard let descriptor = Descriptor(opening: path, O_RDONLY | O_NONBLOCK) else {
      throw SourceError(.unreadable, path: path, "cannot open: \(SystemError.reason())")
    }
    guard let status = stat(of: descriptor.number) else {
      throw SourceError(.unreadable, path: path, "cannot read: \(SystemError.reason())")
    }
    guard status.isRegular else {
      throw SourceError(.refused, path: path, "not a regular file, so it cannot be uploaded")
    }
    self.path = path
    stamp = FileStamp(status)
    length = UInt64(status.st_size)
    file = OpenFile(descriptor)
  }

  /// - Throws: `SourceError` if it is another file now.
  func checkUnchanged() throws {
    // The name may mean another file meanwhile; then the user does not expect this one.
    guard FileStamp(descriptor: file.number) == stamp, FileStamp(path: path) == stamp else {
      throw SourceError(
        .changed, path: path, "changed while it was uploaded",
        hint: "try again when nothing writes to it")
    }
  }

  /// The digest of the same kind as another one.
  func digest(like other: ImageDigest) throws -> ImageDigest {
    try other.same(ofDescriptor: file.number, path: path).digest
  }

  /// All of it.
  var body: HTTPBody { HTTPBody(file, 0..<length) }

  /// How it is cut into parts.
  func partSize(_ wanted: Int?) -> Int { wanted ?? PartSize.forObject(of: length) }

  /// Uploads it. If that fails, nothing is left in the bucket, or `tell` hears of it.
  ///
  /// - Throws: `UploadError`.
  func upload(
    to location: ObjectLocation, in store: Store, if condition: UploadCondition,
    _ options: UploadOptions, partSize: Int?, tell: (UnfinishedUpload) -> Void
  ) throws -> UploadedObject {
    let upload: ObjectUpload
    do {
      upload = try ObjectUpload(to: location, in: store, if: condition, options)
    } catch { throw UploadError(location.url, error) }
    do {
      let size = UInt64(self.partSize(partSize))
      var start: UInt64 = 0
      var number = 1
      while start < length {
        let end = min(length, start + size)
        try upload.send(HTTPBody(file, start..<end), asPart: number)
        start = end
        number += 1
      }
      try upload.finishParts()
      try checkUnchanged()
      let object = try upload.complete()
      upload.finish()
      return object
    } catch {
      if let left = upload.abort() { tell(left) }
      throw UploadError(error is StoreError ? location.url : path, error)
    }
  }
}
