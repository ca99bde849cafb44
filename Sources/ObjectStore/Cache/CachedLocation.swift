import Posix

/// Where an object is, as a cache knows it, whatever its version.
struct CachedLocation: Equatable {
  /// The SHA-256 of everything that selects the object. A URL's query does too, but it may be a
  /// secret, so it is kept in no other form.
  let digest: [UInt8]
  /// For people who look into the cache.
  let shown: [UInt8]

  /// - Parameter origin: tells a store from others, which may have buckets of the same name.
  init(_ location: ObjectLocation, origin: String) {
    switch location {
    case .bucket(let bucket, let key):
      // None but the key can contain a NUL.
      digest = SHA256.digest(of: Array("bucket\0\(origin)\0\(bucket)\0".utf8) + key)
      shown = Array("s3://\(bucket)/".utf8) + key
    case .web(let url):
      digest = SHA256.digest(of: Array("web\0\(url)".utf8))
      shown = Array(url.utf8.prefix { $0 != UInt8(ascii: "?") })
    }
  }
}
