import CLinux
import FileTrees
import HTTP
import Inputs
import Manifests
import ObjectStore
import Posix
import SquashFS
import Uploading

/// The destination of an image in a bucket, to which it goes in parts while it is made.
///
/// What is put beside it goes up before it: who sees an image sees its manifest.
struct BucketDestination: ImageDestination {
  private let location: ObjectLocation
  private let store: Store
  private let object: UploadOptions
  private let tell: @Sendable (UnfinishedUpload) -> Void
  private let tellLeftover: @Sendable ([UInt8], String) -> Void
  private let parts: PartUpload
  private let mayLoseFiles: Bool
  private let manifests: [Beside]

  /// What is put beside the image.
  private struct Beside {
    var kind: ManifestKind
    var location: ObjectLocation
    var condition: UploadCondition
  }

  var output: ImageWriter.Output {
    .parts(parts, scratch: .temporary("autosquash-pack"), mayLoseFiles: mayLoseFiles)
  }
  var file: AtomicFile? { nil }

  /// Makes sure that the names are free, and starts the upload.
  ///
  /// - Parameter partSize: in bytes.
  /// - Throws: `UploadError`.
  init(_ output: [UInt8], partSize: Int, _ options: Packer.Options) throws {
    guard let location = try ObjectLocation(parsing: output) else {
      throw UploadError(output, StoreError(.invalid, "not in a bucket"))
    }
    let store = RemoteObjects.store
    let warn = SendableReport(options.warn)
    self.location = location
    self.store = store
    func condition(_ location: ObjectLocation) throws -> UploadCondition {
      let head: ObjectHead?
      do throws(StoreError) { head = try ObjectHead(of: location, in: store) } catch {
        throw UploadError(location.url, error)
      }
      guard let head else { return .absent }
      guard options.replaces else {
        throw UploadError(
          location.url,
          StoreError(.exists, "there is an object with this name already; --force replaces it"))
      }
      return .version(etag: head.etag)
    }
    let own = try condition(location)
    if own != .absent {
      warn.report(
        output,
        "this is replaced; whoever has it mounted gets errors until it is mounted anew, so new names "
          + "for new versions are better")
    }
    for kind in ManifestKind.allCases where own != .absent && !options.manifests.contains(kind) {
      let beside = location.beside(kind.suffix)
      guard (try? ObjectHead(of: beside, in: store)) != nil else { continue }
      warn.report(
        beside.url,
        "this belongs to the image that is replaced; \(kind.option) replaces it too")
    }
    manifests = try options.manifests.map {
      let beside = location.beside($0.suffix)
      return Beside(kind: $0, location: beside, condition: try condition(beside))
    }
    mayLoseFiles = options.directories.ignoresUnreadable || options.archives.allowsTruncated
    var object = options.object
    object.warn = { warn.report(output, $0) }
    let tellLeftover = options.tellLeftover
    let tell: @Sendable (UnfinishedUpload) -> Void = { [endpoint = store.endpoint] in
      tellLeftover($0.location.url, $0.advice(endpoint: endpoint))
    }
    object.left = tell
    self.tell = tell
    self.tellLeftover = tellLeftover
    // The parts on their way are in memory.
    object.mostInFlight = max(1, min(4, Self.mostOnTheWay / partSize))
    self.object = object
    var ending = PartUpload.Options(makesDigest: !manifests.isEmpty)
    ending.tell = tell
    ending.wasInterrupted = options.wasInterrupted
    // Parts are large, and come and go.
    clinux_map_large_memory()
    // From here on there is something to clean up.
    Interruption.watch()
    parts = try PartUpload(
      to: location, in: store, if: own, partSize: partSize, object, ending)
  }

  /// In bytes.
  private static let mostOnTheWay = 24 << 20

  func giveUp() { parts.giveUp() }

  // MARK: The end

  func publish(_ tree: DigestedTree?, willPublish: () -> Void) throws {
    willPublish()
    var made: [(location: ObjectLocation, object: UploadedObject)] = []
    let image = try parts.complete {
      guard let tree, let facts = parts.facts else { return }
      let image = ManifestWriter.ImageFacts(
        name: ImageName.base(of: location.url), size: facts.size, digest: facts.digest)
      for beside in manifests {
        let object = try upload(beside, try Self.text(beside.kind, tree, image))
        if beside.condition == .absent { made.append((beside.location, object)) }
      }
    } undo: {
      for (location, object) in made {
        if let reason = object.withdraw(from: location, in: store) {
          tellLeftover(location.url, "this is left without its image: \(reason.message)")
        }
      }
    }
    defer { parts.finish() }
    try prove(image)
  }

  private func upload(_ beside: Beside, _ text: HTTPBody) throws -> UploadedObject {
    var options = object
    options.contentType = beside.kind.contentType
    options.progress = { _ in }
    do {
      let upload = try ObjectUpload(to: beside.location, in: store, if: beside.condition, options)
      do throws(StoreError) {
        for (number, start) in stride(from: 0, to: text.count, by: PartSize.standard).enumerated() {
          let end = min(start + PartSize.standard, text.count)
          try upload.send(text.slice(start..<end), asPart: number + 1)
        }
        let object = try upload.complete()
        upload.finish()
        return object
      } catch {
        if let left = upload.abort() { tell(left) }
        if error.code == .unproved {
          tellLeftover(beside.location.url, "this may be left without its image")
        }
        throw error
      }
    } catch let error as StoreError { throw UploadError(beside.location.url, error) }
  }

  /// A manifest in an unnamed file: it may be large.
  private static func text(
    _ kind: ManifestKind, _ tree: DigestedTree, _ image: ManifestWriter.ImageFacts
  ) throws -> HTTPBody {
    let file = try ScratchFile(beside: .temporary("autosquash-pack"))
    var length: UInt64 = 0
    try kind.write(tree, of: image) { text in
      try Array(text.utf8).withUnsafeBytes { try file.write($0, at: length) }
      length += UInt64(text.utf8.count)
    }
    return HTTPBody(file, 0..<length)
  }

  /// Reads the superblock and the tables from the bucket, as those do who will use the image.
  private func prove(_ image: UploadedObject) throws {
    defer { RemoteObjects.close(location.url) }
    do {
      try store.withoutStop {
        try UploadProof(url: location.url, etag: image.etag, length: image.length).checkImage()
      }
    } catch { throw UploadError(location.url, StoreError(afterUpload: error)) }
  }
}

extension ManifestKind {
  /// The option of pack that asks for it.
  fileprivate var option: String {
    switch self {
    case .specification: "--manifest"
    case .page: "--html"
    }
  }
}
