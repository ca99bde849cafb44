import Glibc
import Posix

/// Finds the image of a key.
struct ImageLookup {
  let configuration: Configuration
  /// The images' folder, as configured.
  let images: HostPath
  let check: ImageCheck
  let folder: ImageFolder

  /// What a key refers to.
  enum Target: ~Copyable {
    /// An image, with its path below the folder of all, open for reading.
    case image(RelativePath, Descriptor)
    case folder
  }

  /// Thrown if the lookup would have to leave the folder's device and the caller did not allow it.
  struct OtherDevice: Error {}

  /// Opens the first image that a key can mean and checks whether it would mount.
  ///
  /// Takes one open, fstat and read if the first candidate exists.
  func find(_ key: MapKey, at level: MapLevel) throws -> Target {
    for name in key.candidates(suffixes: configuration.suffixes) {
      let path = level.appending(Name(unchecked: name))
      if let file = folder.open(path) {
        if try isImage(file, path, key.name.bytes) { return .image(path, file) }
        continue
      }
      if errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG { continue }
      throw try failure(key.name.bytes, path, errno)
    }
    if configuration.folders {
      let path = level.appending(key.name)
      if folder.openFolder(path) != nil { return .folder }
      if errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG {
        throw try failure(key.name.bytes, path, errno)
      }
    }
    throw MapRefusal(
      .noSuchImage, key.name.bytes, "no such image in \(full(level.path).shortenedName)")
  }

  /// Opens an image and checks whether it would mount.
  ///
  /// - Parameter path: below the folder of all.
  /// - Throws: `MapRefusal`.
  func open(_ path: RelativePath) throws -> Descriptor {
    guard let file = folder.open(path) else { throw try failure(path.bytes, path, errno) }
    guard try isImage(file, path, path.bytes) else {
      throw try failure(path.bytes, path, EISDIR)
    }
    return file
  }

  /// Whether an open file is an image, and not a directory with such a name.
  ///
  /// - Throws: `MapRefusal` for an image that would not mount.
  private func isImage(
    _ file: borrowing Descriptor, _ path: RelativePath, _ key: [UInt8]
  ) throws -> Bool {
    do {
      guard let facts = try check.facts(of: file.number) else { return false }
      guard let problem = facts.problem else { return true }
      throw MapRefusal(
        .unmountable, key, "\(full(path).shortenedName) will not mount: \(problem)")
    } catch let error as SystemError {
      throw try failure(key, path, error.code)
    }
  }

  private func full(_ path: RelativePath) -> HostPath { images.appending(path) }

  /// The meaning of a lookup's `errno`.
  private func failure(_ key: [UInt8], _ path: RelativePath, _ code: Int32) throws -> MapRefusal {
    let reason = SystemError.reason(code)
    let name = full(path).shortenedName
    switch code {
    case EXDEV:
      if folder.staysOnDevice { throw OtherDevice() }
      return MapRefusal(
        .outside, key,
        "\(name) is a link that leads out of \(images.shortenedName);"
          + " 'outside-links = yes' allows it")
    case ENXIO, ENODEV:
      return MapRefusal(
        .unmountable, key, "\(name) will not mount: not a regular file")
    case ELOOP:
      return MapRefusal(.outside, key, "\(name) is a link that leads nowhere: \(reason)")
    case ENOTCONN, ESTALE, EIO, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH:
      return MapRefusal(
        .unreachable, key,
        "cannot read \(name): \(reason); is the bucket still mounted, and does it answer?")
    default:
      return MapRefusal(.machine, key, "cannot read \(name): \(reason)")
    }
  }
}
