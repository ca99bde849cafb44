import Automount
import FileTrees
import Inputs
import Listings
import MachineSetup
import ObjectStore
import Packing
import Posix
import SquashFSFormat
import Terminal

/// The images below a folder of a bucket.
struct BucketImages {
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
    let images = try BucketCatalogue(
      ObjectListing(.bucket(bucket, key: prefix), in: store), of: bucket, prefix: prefix,
      suffix: ImageName.suffix, in: store
    ).images
    var output = StandardOutput()
    if isJSON {
      for image in images { try output.write(line: json(image)) }
    } else {
      var dates = TimeFormat(isFull: false)
      let rows = images.map { image in
        [
          image.name.escapedName, LongFormat.human(image.facts.size),
          dates.text(UInt32(clamping: image.facts.modified / 1_000_000_000)),
          image.facts.compressor?.name ?? "-", image.hasManifest ? "yes" : "no",
          image.facts.problem.map { "will not mount: \($0)" } ?? "ok",
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

  private func json(_ image: BucketCatalogue.Image) -> JSON {
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
