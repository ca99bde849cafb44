package import Automount
package import ObjectStore
package import Posix

/// The images below a folder of a bucket, read without a mount.
package struct BucketCatalogue {
  package var images: [Image] = []

  /// One image.
  package struct Image: Sendable {
    /// The key after the folder's.
    package var name: [UInt8]
    /// As any kernel would mount it: this machine's may not be the one.
    package var facts: ImageCheck.Facts
    package var hasManifest: Bool
  }

  /// The number of concurrent requests.
  private static let threads = 8

  /// Reads the start of each image.
  ///
  /// - Parameters:
  ///   - listing: all objects below the folder.
  ///   - prefix: the beginning of their keys.
  ///   - suffix: of an image's name.
  package init(
    _ listing: ObjectListing, of bucket: String, prefix: [UInt8], suffix: [UInt8], in store: Store
  ) throws(SystemError) {
    let keys = Set(listing.objects.map(\.key))
    let found = listing.objects.filter {
      $0.key.hasSuffix(suffix) && $0.key.count > prefix.count
    }
    let check = ImageCheck(kernel: KernelSupport(), mountsByKernel: true)
    images = try concurrentMap(count: found.count, threads: Self.threads) { index in
      let object = found[index]
      let manifest = object.key.dropLast(suffix.count) + ".mtree".utf8
      let modified = (object.modified ?? 0).multipliedReportingOverflow(by: 1_000_000_000)
      var start: [UInt8] = []
      var failure: StoreError?
      if object.length > 0 {
        do throws(StoreError) {
          start = try store.start(
            of: .bucket(bucket, key: object.key), count: ImageCheck.startSize)
        } catch { failure = error }
      }
      var facts = check.facts(size: object.length, modified: modified.partialValue, start: start)
      if let failure { facts.problem = failure.message }
      return Image(
        name: Array(object.key.dropFirst(prefix.count)), facts: facts,
        hasManifest: keys.contains(Array(manifest)))
    }
  }
}
