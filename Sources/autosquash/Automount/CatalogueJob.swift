import Automount
import Glibc
import Posix

/// What the commands about all images have in common.
struct CatalogueJob {
  let configuration: Configuration

  init() throws(ConfigurationError) { configuration = try Configuration.load() }

  /// What the map would check.
  var check: ImageCheck { Self.check(configuration) }

  static func check(_ configuration: Configuration) -> ImageCheck {
    let byKernel = MapEntry.MountType(configuration.fileSystem) == .loop
    return ImageCheck(
      kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: byKernel)
  }

  /// Where the lists for autofs are.
  var maps: [UInt8] { configuration.state + Array("/maps".utf8) }

  /// All images.
  ///
  /// - Parameter usesLists: whether images that were in the lists, and have not changed, are not
  ///   opened again.
  func catalogue(usesLists: Bool = false) throws(BucketError) -> Catalogue {
    let check = check
    return try Bucket.catalogue(
      configuration, check: check,
      known: usesLists ? FileMaps.known(in: maps, configuration, check: check) : [])
  }
}
