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
    let byKernel = MapEntry.MountType(configuration) == .loop
    return ImageCheck(
      kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: byKernel)
  }

  /// All images.
  ///
  /// - Parameter lists: the folder of the lists; unchanged images in them are not opened again.
  package func catalogue(lists: Folder? = nil) throws(BucketError) -> Catalogue {
    let check = check
    let known = lists.map { FileMaps.known(in: $0, configuration, check: check) } ?? []
    switch configuration.images {
    case .folder(let folder):
      return try Bucket.catalogue(folder, configuration, check: check, known: known)
    case .bucket(let folder):
      do {
        return try ImagesBucket(folder, configuration).catalogue(check: check, known: known)
      } catch {
        throw BucketError(path: HostPath(folder.url), code: EIO, text: "\(error)")
      }
    }
  }
}

extension Configuration {
  /// Where the bucket is mounted, or should be: by default the parent of the images' folder, such
  /// as /mnt/s3fs; `nil` if the images are read without such a mount.
  ///
  /// - Parameters:
  ///   - mounted: the current mounts.
  ///   - table: the mounts for system startup.
  func bucketPoint(mounted: MountTable, table: MountTable) -> HostPath? {
    guard let images = images.folder else { return nil }
    let now = mounted.mount(holding: images)
    // A disk on the way does not show where the bucket is, unless the images belong on it.
    let bucket = [now, table.mount(holding: images)].lazy.compactMap { $0 }.first { !$0.isLocal }
    if let mount = bucket ?? now, mount.point != .root { return mount.point }
    return images.parent == .root ? images : images.parent
  }
}
