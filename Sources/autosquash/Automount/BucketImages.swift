import Automount
import FileTrees
import Inputs
import Listings
import ObjectStore
import Packing
import Posix
import SquashFSFormat
import Terminal

/// The images below a folder of a bucket.
struct BucketImages {
  /// One image of the list.
  private struct Image {
    /// The key after the folder's.
    var name: [UInt8]
    var facts: ImageCheck.Facts
    var hasManifest: Bool

    var state: String { facts.problem.map { "will not mount: \($0)" } ?? "ok" }
  }

  private let folder: [UInt8]

  init(_ folder: [UInt8]) { self.folder = folder }

  /// Prints them.
  ///
  /// - Returns: the exit status.
  func print(isJSON: Bool) throws -> Int32 {
    guard case .bucket(let bucket, var prefix)? = try ObjectLocation(parsing: folder) else {
      throw StoreError(.invalid, "not a folder of a bucket, which is s3://BUCKET/FOLDER/")
    }
    if !prefix.isEmpty && prefix.last != pathSeparator { prefix.append(pathSeparator) }
    let store = RemoteObjects.store
    let images = try collect(.bucket(bucket, key: prefix), prefix.count, in: store)
    var output = StandardOutput()
    if isJSON {
      for image in images { try output.write(line: json(image)) }
    } else {
      var dates = TimeFormat(isFull: false)
      let rows = images.map { image in
        [
          image.name.escapedName, LongFormat.human(image.facts.size),
          dates.text(UInt32(clamping: image.facts.modified / 1_000_000_000)),
          image.facts.compressor?.name ?? "-", image.hasManifest ? "yes" : "no", image.state,
        ]
      }
      let title = ["NAME", "SIZE", "DATE", "TYPE", "MANIFEST", "STATE"]
      if rows.isEmpty { Messages.write(folder, "no images in this folder") }
      for line in ImageLine.aligned(rows.isEmpty ? [] : [title] + rows) {
        try output.write(line + "\n")
      }
    }
    try output.flush()
    return 0
  }

  private func collect(
    _ location: ObjectLocation, _ prefixLength: Int, in store: Store
  ) throws -> [Image] {
    guard case .bucket(let bucket, _) = location else { return [] }
    let listing = try ObjectListing(location, in: store)
    let keys = Set(listing.objects.map(\.key))
    let found = listing.objects.filter {
      $0.key.suffix(ImageName.suffix.count).elementsEqual(ImageName.suffix)
        && $0.key.count > prefixLength
    }
    // As any kernel mounts it: this machine's may not be the one.
    let check = ImageCheck(kernel: KernelSupport(), mountsByKernel: true)
    let all = try concurrentMap(count: found.count, threads: 8) { index in
      let object = found[index]
      let manifest = object.key.dropLast(ImageName.suffix.count) + ".mtree".utf8
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
        name: Array(object.key.dropFirst(prefixLength)), facts: facts,
        hasManifest: keys.contains(Array(manifest)))
    }
    return all
  }

  private func json(_ image: Image) -> JSON {
    [
      "name": .name(image.name), "size": JSON(image.facts.size),
      "modified": JSON(image.facts.modified / 1_000_000_000),
      "compressor": .string(image.facts.compressor?.name ?? ""),
      "manifest": .boolean(image.hasManifest),
      "healthy": .boolean(image.facts.problem == nil),
      "problem": .string(image.facts.problem ?? ""),
    ]
  }
}
