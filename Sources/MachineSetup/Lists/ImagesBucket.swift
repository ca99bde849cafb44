package import Automount
import HTTP
package import ObjectStore
package import Posix

/// The bucket with the images, as the settings say, read without a mount.
package struct ImagesBucket {
  private let store: Store
  private let bucket: String
  /// The beginning of the images' keys: empty, or with a slash at its end.
  private let prefix: [UInt8]
  private let configuration: Configuration

  /// The number of concurrent requests.
  private static let threads = 8

  /// - Throws: `StoreError` with the code `invalid`.
  package init(_ folder: BucketFolder, _ configuration: Configuration) throws(StoreError) {
    guard case .bucket(let bucket, var prefix)? = try ObjectLocation(parsing: folder.url) else {
      throw StoreError(.invalid, "not a folder of a bucket, which is s3://BUCKET/FOLDER/")
    }
    if !prefix.isEmpty { prefix.append(pathSeparator) }
    self.bucket = bucket
    self.prefix = prefix
    self.configuration = configuration
    var policy = RetryPolicy()
    policy.total = configuration.answerTimeout * 1000
    store = Store(StoreOptions(configuration.bucket), policy: policy)
  }

  // MARK: All images

  /// Lists the folder and reads the start of each image.
  ///
  /// - Parameter known: images that would mount when last checked; those with the same size and
  ///   time are not read again.
  func catalogue(check: ImageCheck, known: [Catalogue.Entry]) throws -> Catalogue {
    let listing = try ObjectListing(.bucket(bucket, key: prefix), in: store)
    var objects: [RelativePath: ObjectListing.Object] = [:]
    for object in listing.objects {
      // What no file could be called is no image.
      guard let path = RelativePath(Array(object.key.dropFirst(prefix.count))) else { continue }
      objects[path] = object
    }
    let found = Catalogue.images(among: Array(objects.keys), configuration)
      .compactMap { entry in objects[entry.file].map { (entry: entry, object: $0) } }
    let knownByFile = Dictionary(known.map { ($0.file, $0) }, uniquingKeysWith: { $1 })
    return Catalogue(
      images: try concurrentMap(count: found.count, threads: Self.threads) { index in
        let (entry, object) = found[index]
        return examine(entry, object, check, known: knownByFile[entry.file])
      })
  }

  private func examine(
    _ entry: Catalogue.Entry, _ object: ObjectListing.Object, _ check: ImageCheck,
    known: Catalogue.Entry?
  ) -> Catalogue.Entry {
    let modified = (object.modified ?? 0).multipliedReportingOverflow(by: 1_000_000_000)
      .partialValue
    if let known, known.size == object.length, known.modified == modified { return known }
    var entry = entry
    do throws(StoreError) {
      let start =
        object.length == 0
        ? []
        : try store.start(of: .bucket(bucket, key: object.key), count: ImageCheck.startSize)
      let facts = check.facts(size: object.length, modified: modified, start: start)
      entry.compressor = facts.compressor
      entry.problem = facts.problem
    } catch { entry.problem = error.message }
    entry.size = object.length
    entry.modified = modified
    return entry
  }

  // MARK: One image

  /// Answers a key of the automounter.
  ///
  /// - Parameter map: the map program, named again in the entries of folders.
  package func answer(
    _ key: MapKey, at level: MapLevel, map: HostPath
  ) throws(MapRefusal) -> MapEntry {
    let folder = level.path.isRoot ? [] : level.path.bytes + [pathSeparator]
    do throws(StoreError) {
      for name in key.candidates(suffixes: configuration.suffixes) {
        let object = prefix + folder + name
        let url = Array("s3://\(bucket)/".utf8) + object
        guard let (size, start) = try self.start(of: object) else { continue }
        let check = ImageCheck(kernel: KernelSupport(), mountsByKernel: false)
        if let problem = check.facts(size: size, modified: 0, start: start).problem {
          throw StoreError(.badAnswer, "\(url.escapedName) will not mount: \(problem)")
        }
        return MapEntry(askingToMount: ImageURL(url), options: configuration.options)
      }
      let below = prefix + folder + key.name.bytes + [pathSeparator]
      guard configuration.folders,
        try !ObjectListing(firstPageOf: bucket, below, in: store).objects.isEmpty
      else {
        throw StoreError(.notFound, "no such image in \(configuration.images.escapedName)")
      }
    } catch {
      let code: MapRefusal.Code =
        switch error.code {
        case .notFound: .noSuchImage
        case .badAnswer: .unmountable
        default: .unreachable
        }
      throw MapRefusal(code, key.name.bytes, error.message)
    }
    return try MapEntry.folder(map, key)
  }

  /// The length and the first bytes of an object.
  ///
  /// - Returns: `nil` if it is not there.
  private func start(of key: [UInt8]) throws(StoreError) -> (UInt64, [UInt8])? {
    do throws(StoreError) {
      return try store.lengthAndStart(
        of: .bucket(bucket, key: key), count: ImageCheck.startSize)
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }
}

extension StoreOptions {
  /// As the settings say.
  package init(_ access: BucketAccess) {
    self.init()
    func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    profile = text(access.profile)
    region = text(access.region)
    endpoint = text(access.endpoint)
    caBundle = text(access.caBundle)
    signs = access.signs
  }

  /// These options; what they leave open is as in others.
  func filled(from other: StoreOptions) -> StoreOptions {
    var options = self
    options.profile = profile ?? other.profile
    options.region = region ?? other.region
    options.endpoint = endpoint ?? other.endpoint
    options.caBundle = caBundle ?? other.caBundle
    options.signs = signs && other.signs
    return options
  }
}
