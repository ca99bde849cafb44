internal import Glibc
internal import Posix

/// Finds the image of a key.
struct ImageLookup {
  let configuration: Configuration
  let check: ImageCheck
  let folder: ImageFolder

  /// What a key stands for.
  enum Target {
    /// An image, with its path below the folder of all, open for reading.
    case image([UInt8], descriptor: Int32)
    case folder
  }

  /// The outcome when the folder's device has to be left, which the caller did not allow.
  struct OtherDevice: Error {}

  /// Opens the first image that a key can mean and looks whether it would mount.
  ///
  /// One open, fstat and read where the first candidate is there.
  func find(_ key: MapKey, at level: MapLevel) throws -> Target {
    for name in key.candidates(suffixes: configuration.suffixes) {
      let path = level.appending(name)
      let descriptor = folder.open(path)
      if descriptor >= 0 {
        if try isImage(descriptor, path, key.bytes) { return .image(path, descriptor: descriptor) }
        close(descriptor)
        continue
      }
      if errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG { continue }
      throw try failure(key.bytes, path, errno)
    }
    if configuration.folders {
      let descriptor = folder.openFolder(level.appending(key.bytes))
      if descriptor >= 0 {
        close(descriptor)
        return .folder
      }
      if errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG {
        throw try failure(key.bytes, level.appending(key.bytes), errno)
      }
    }
    throw MapRefusal(.noSuchImage, key.bytes, "no such image in \(full(level.path).shortenedName)")
  }

  /// Opens an image and looks whether it would mount.
  ///
  /// - Parameter path: below the folder of all.
  /// - Throws: `MapRefusal`.
  func open(_ path: [UInt8]) throws -> Int32 {
    let descriptor = folder.open(path)
    guard descriptor >= 0 else { throw try failure(path, path, errno) }
    guard try isImage(descriptor, path, path) else {
      close(descriptor)
      throw try failure(path, path, EISDIR)
    }
    return descriptor
  }

  /// Whether an open file is an image, and no directory that is called like one.
  ///
  /// - Throws: `MapRefusal` for an image that would not mount.
  private func isImage(_ descriptor: Int32, _ path: [UInt8], _ key: [UInt8]) throws -> Bool {
    do {
      guard let facts = try check.facts(of: descriptor) else { return false }
      guard let problem = facts.problem else { return true }
      throw MapRefusal(
        .unmountable, key, "\(full(path).shortenedName) will not mount: \(problem)")
    } catch {
      close(descriptor)
      if let error = error as? SystemError { throw try failure(key, path, error.code) }
      throw error
    }
  }

  private func full(_ path: [UInt8]) -> [UInt8] {
    path.isEmpty ? configuration.images : configuration.images + [UInt8(ascii: "/")] + path
  }

  /// What an `errno` of a look-up means.
  private func failure(_ key: [UInt8], _ path: [UInt8], _ code: Int32) throws -> MapRefusal {
    let reason = String(cString: strerror(code))
    let name = full(path).shortenedName
    switch code {
    case EXDEV:
      if folder.staysOnDevice { throw OtherDevice() }
      return MapRefusal(
        .outside, key,
        "\(name) is a link that leads out of \(configuration.images.shortenedName);"
          + " 'outside-links = yes' would allow it")
    case ENXIO, ENODEV:
      return MapRefusal(
        .unmountable, key, "\(name) will not mount: it is no regular file")
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
