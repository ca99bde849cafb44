import Automount
import Glibc
import Posix

/// What the commands about all images have in common.
struct CatalogueJob {
  let configuration: Configuration

  init() throws(ConfigurationError) { configuration = try Configuration.load() }

  /// What the map would check.
  var check: ImageCheck {
    let byKernel = MapEntry.MountType(configuration.fileSystem) == .loop
    return ImageCheck(
      kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: byKernel)
  }

  /// Where the lists for autofs are.
  var maps: [UInt8] { configuration.state + Array("/maps".utf8) }

  /// All images, once the folder has answered.
  func catalogue(known: [Catalogue.Entry] = []) throws -> Catalogue {
    try Bucket.probe(configuration.images, seconds: configuration.answerTimeout)
    do {
      return try Catalogue.collect(configuration, check: check, known: known)
    } catch {
      throw BucketError(path: configuration.images, text: "\(error)")
    }
  }
}
