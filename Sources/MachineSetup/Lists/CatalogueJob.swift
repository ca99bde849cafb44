package import Automount
import Glibc
package import Posix

/// The making of the catalogue of all images, as settings say.
package struct CatalogueJob {
  package let configuration: Configuration

  /// With the settings of this machine.
  package init() throws(ConfigurationError) { configuration = try Configuration.load() }

  package init(_ configuration: Configuration) { self.configuration = configuration }

  /// What the map would check.
  var check: ImageCheck { Self.check(configuration) }

  static func check(_ configuration: Configuration) -> ImageCheck {
    let byKernel = MapEntry.MountType(configuration.fileSystem) == .loop
    return ImageCheck(
      kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: byKernel)
  }

  /// All images.
  ///
  /// - Parameter lists: the folder of the lists: images that are in them, and have not changed, are
  ///   not opened again.
  package func catalogue(lists: Folder? = nil) throws(BucketError) -> Catalogue {
    let check = check
    return try Bucket.catalogue(
      configuration, check: check,
      known: lists.map { FileMaps.known(in: $0, configuration, check: check) } ?? [])
  }
}

extension Configuration {
  /// Where the bucket is mounted, or belongs: where nothing says more, the folder that the images'
  /// is in, as /mnt/s3fs.
  ///
  /// - Parameters:
  ///   - mounted: what is mounted now.
  ///   - table: what is to be mounted when the system starts.
  func bucketPoint(mounted: MountTable, table: MountTable) -> HostPath {
    let now = mounted.mount(holding: images)
    // A disk on the way says nothing of the bucket, unless the images are meant to lie there.
    let bucket = [now, table.mount(holding: images)].lazy.compactMap { $0 }.first { !$0.isLocal }
    if let mount = bucket ?? now, mount.point != .root { return mount.point }
    return images.parent == .root ? images : images.parent
  }
}
