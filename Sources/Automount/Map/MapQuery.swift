import Glibc
public import Posix

/// One question to the map about a folder of this machine: what is the entry for a key?
public struct MapQuery {
  public var configuration: Configuration
  public var images: HostPath
  /// The map program, named again in the entries of folders.
  public var program: HostPath
  public var links: SafeLinks

  /// - Parameter images: the images' folder, as configured.
  public init(
    configuration: Configuration, images: HostPath, program: HostPath,
    links: SafeLinks = SafeLinks()
  ) {
    self.configuration = configuration
    self.images = images
    self.program = program
    self.links = links
  }

  /// How long an image on a network stays open after the answer, in seconds: s3fs drops what it
  /// fetched when a file is closed, and would fetch it again for mount(8).
  private static let keepOpen: UInt32 = 5

  /// Answers a key.
  ///
  /// - Throws: `MapRefusal`; within the configured time if the images' file system hangs.
  public func answer(_ key: MapKey, at level: MapLevel) throws(MapRefusal) -> MapEntry {
    if !configuration.outsideLinks && !ImageFolder.mayHang(images) {
      // A local disk needs no second process, unless something else is mounted in the folder.
      if let outcome = outcome(key, level, staysOnDevice: true) {
        return try outcome.entry.get()
      }
    }
    var isOpen = false
    func linger() { if isOpen { sleep(Self.keepOpen) } }
    do {
      return try ForkedAnswer.ask(seconds: configuration.answerTimeout, afterwards: linger) {
        _ throws(MapRefusal) in
        let outcome = outcome(key, level, staysOnDevice: false)!
        // The descriptor closes with the process.
        isOpen = outcome.image?.release() != nil
        return try outcome.entry.get()
      }
    } catch {
      throw MapRefusal(error, from: configuration, key: key.name.bytes)
    }
  }

  /// The result of a lookup.
  private struct Outcome: ~Copyable {
    let entry: Result<MapEntry, MapRefusal>
    /// `nil` if there is none, or it is not an image.
    var image: Descriptor?
  }

  /// Looks a key up.
  ///
  /// - Returns: `nil` if the lookup had to leave the device and may not.
  private func outcome(_ key: MapKey, _ level: MapLevel, staysOnDevice: Bool) -> Outcome? {
    do {
      return try find(key, level, staysOnDevice: staysOnDevice)
    } catch let refusal as MapRefusal {
      return Outcome(entry: .failure(refusal))
    } catch is ImageLookup.OtherDevice {
      return nil
    } catch {
      let reason = (error as? SystemError)?.reason ?? "\(error)"
      return Outcome(
        entry: .failure(
          MapRefusal(
            .unreachable, key.name.bytes,
            "cannot read \(images.shortenedName): \(reason); is the bucket mounted?"))
      )
    }
  }

  private func find(_ key: MapKey, _ level: MapLevel, staysOnDevice: Bool) throws -> Outcome {
    let type = MapEntry.MountType(configuration)
    let check = ImageCheck(
      kernel: type == .loop ? .ofThisMachine(state: configuration.state) : KernelSupport(),
      mountsByKernel: type == .loop)
    let folder = try ImageFolder(
      images, mayLeave: configuration.outsideLinks, staysOnDevice: staysOnDevice)
    let lookup = ImageLookup(
      configuration: configuration, images: images, check: check, folder: folder)
    switch try lookup.find(key, at: level) {
    case .image(let path, let file):
      return Outcome(entry: .success(try entry(for: path, type, key)), image: file)
    case .folder:
      return Outcome(entry: .success(try MapEntry.folder(program, key)))
    }
  }

  private func entry(
    for path: RelativePath, _ type: MapEntry.MountType, _ key: MapKey
  ) throws(MapRefusal) -> MapEntry {
    let location = images.appending(path)
    if let entry = MapEntry(mounting: location, type: type, options: configuration.options) {
      return entry
    }
    let link = try links.link(to: location, key: key.name.bytes)
    return MapEntry(mounting: link, type: type, options: configuration.options)!
  }
}
