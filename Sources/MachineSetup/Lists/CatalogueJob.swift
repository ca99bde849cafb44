package import Automount
import Glibc
package import Posix

/// Makes the catalogue of all images according to the settings.
package struct CatalogueJob {
  package let configuration: Configuration

  /// Uses the settings of this machine.
  package init() throws(ConfigurationError) { configuration = try Configuration.load() }

  package init(_ configuration: Configuration) { self.configuration = configuration }

  /// The check that the map applies.
  var check: ImageCheck { Self.check(configuration) }

  static func check(_ configuration: Configuration) -> ImageCheck {
    let byKernel = MapEntry.MountType(configuration.fileSystem) == .loop
    return ImageCheck(
      kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: byKernel)
  }

  /// All images.
  ///
  /// - Parameter lists: the folder of the lists; unchanged images in them are not opened again.
  package func catalogue(lists: Folder? = nil) throws(BucketError) -> Catalogue {
    let check = check
    return try Bucket.catalogue(
      configuration, check: check,
      known: lists.map { FileMaps.known(in: $0, configuration, check: check) } ?? [])
  }
}

extension Configuration {
  /// Where the bucket is mounted, or should be: by default the parent of the images' folder, such
  /// as /mnt/s3fs.
  ///
  /// - Parameters:
  ///   - mounted: the current mounts.
  ///   - table: the mounts for system startup.
  func bucketPoint(mounted: MountTable, table: MountTable) -> HostPath {
    let now = mounted.mount(holding: images)
    // A disk on the way does not show where the bucket is, unless the images belong on it.
    let bucket = [now, table.mount(holding: images)].lazy.compactMap { $0 }.first { !$0.isLocal }
    if let mount = bucket ?? now, mount.point != .root { return mount.point }
    return images.parent == .root ? images : images.parent
  }
}
