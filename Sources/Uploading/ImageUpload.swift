import FileTrees
package import Inputs
import Manifests
package import ObjectStore
import Posix
import SquashFS
import Verification

/// The upload of one image, with what lies beside it.
package struct ImageUpload: Sendable {
  package struct Options: Sendable {
    package enum Check: Sendable {
      /// The whole image is read and verified before.
      case whole
      /// Its tables are.
      case quick
      case none
    }

    /// What the store is told of the objects.
    package var object = UploadOptions()
    package var check = Check.whole
    /// Whether to replace what is there.
    package var replaces = false
    /// Whether an object with the same contents is left as it is.
    package var skipsExisting = false
    package var threads = 1
    /// In bytes; `nil` for one that suits the image.
    package var partSize: Int?
    /// Called about what a user should know.
    package var warn: @Sendable (_ subject: [UInt8], _ text: String) -> Void = { _, _ in }
    /// Called about what could not be removed from the bucket.
    package var tellLeftover: @Sendable (_ subject: [UInt8], _ text: String) -> Void = { _, _ in }
    /// Called for each thing that takes long; its result receives the progress.
    package var progress: (@Sendable (_ title: String) -> ProgressReport)?

    package init() {}
  }

  package struct Result {
    package var length: UInt64
    package var etag: String
    /// Whether the object was there already.
    package var isKept = false
    /// The URLs of what is beside it; of an image that was there, only of what was not.
    package var companions: [[UInt8]] = []
  }

  package let image: [UInt8]
  package var url: [UInt8] { location.url }
  private let location: ObjectLocation
  private let options: Options
  private let store: Store
  private let file: LocalFile
  private var condition = UploadCondition.absent
  private var companions: [Companion] = []
  /// The object that is there already, with the same contents.
  private var existing: ObjectHead?

  /// Checks all that can be checked before anything is sent.
  ///
  /// - Throws: `UploadError`, and errors of reading the image.
  package init(
    of image: [UInt8], to location: ObjectLocation, in store: Store, _ options: Options
  ) throws {
    self.image = image
    self.location = location
    self.store = store
    self.options = options
    file = try LocalFile(image)
    try checkParts()
    try look()
    if existing == nil { try verify() }
    companions = try Companion.all(of: file, at: location)
    if case .version = condition { warnOfOldCompanions() }
  }

  // MARK: Before

  private func checkParts() throws {
    guard let size = options.partSize, let least = PartSize.least(for: file.length), size < least
    else { return }
    throw UploadError(
      image,
      StoreError(
        .invalid,
        "needs more than 10,000 parts of this size, the most that S3 takes; --part-size "
          + "\(least >> 20)M is enough"))
  }

  private mutating func look() throws {
    guard let head = try named(location.url, { try ObjectHead(of: location, in: store) }) else {
      return
    }
    if options.replaces {
      condition = .version(etag: head.etag)
      options.warn(
        location.url,
        "this is replaced; whoever has it mounted gets errors until it is mounted anew, so new names "
          + "for new versions are better")
      return
    }
    guard options.skipsExisting else {
      throw UploadError(
        location.url,
        StoreError(
          .exists,
          "there is an object with this name already; --skip-existing keeps it if it is the same, "
            + "--force replaces it"))
    }
    switch try head.holds(file.body, inPartsOf: file.partSize(options.partSize)) {
    case true?: existing = head
    case false?:
      throw UploadError(
        location.url, StoreError(.exists, "another object has this name; --force replaces it"))
    case nil:
      throw UploadError(
        location.url,
        StoreError(
          .exists,
          "an object of the same length is there, and neither its checksum nor its ETag tells "
            + "whether it is the same; \"autosquash diff\" compares both"))
    }
  }

  /// What belongs to the image that is replaced would mislead.
  private func warnOfOldCompanions() {
    for kind in ManifestKind.allCases {
      let beside = location.beside(kind.suffix)
      guard !companions.contains(where: { $0.location == beside }),
        (try? ObjectHead(of: beside, in: store)) != nil
      else { continue }
      options.warn(
        beside.url,
        "this belongs to the image that is replaced; one of the new image, made beside it, goes up with it"
      )
    }
  }

  private func verify() throws {
    guard options.check != .none else { return }
    var verification = ImageVerification.Options()
    verification.verifier.isQuick = options.check == .quick
    verification.verifier.threads = options.threads
    verification.verifier.maxFindings = 1
    verification.warn = options.warn
    if let progress = options.progress {
      verification.progress = { progress("\($0.escapedName), verifying") }
    }
    let report = try ImageVerification(of: image, verification).run().report
    guard !report.isWhole else { return }
    let first = report.findings.first.map { ": \($0.message)" } ?? ""
    throw SourceError(
      .damaged, path: image, "not a whole image\(first)",
      hint:
        "\"autosquash verify \(image.shellWord)\" says more; --no-verify uploads it all the same")
  }

  // MARK: Sending

  /// Sends what lies beside the image, and then the image.
  ///
  /// - Throws: `UploadError`; then nothing of it is in the bucket, or `tellLeftover` was called.
  package func run() throws -> Result {
    if let existing {
      var result = Result(length: existing.length, etag: existing.etag, isKept: true)
      for companion in companions where try send(companion) != nil {
        result.companions.append(companion.location.url)
      }
      return result
    }
    var result = Result(length: file.length, etag: "")
    var made: [(location: ObjectLocation, object: UploadedObject)] = []
    do {
      for companion in companions {
        if let object = try send(companion) { made.append((companion.location, object)) }
        result.companions.append(companion.location.url)
      }
      let progress = options.progress.map { UploadProgress(of: file.length, $0(url.escapedName)) }
      var options = objectOptions(url)
      options.progress = { progress?.add($0) }
      let object = try file.upload(
        to: location, in: store, if: condition, options, partSize: self.options.partSize, tell: tell
      )
      result.etag = object.etag
    } catch {
      if !made.isEmpty, !mayBeThere(after: error) {
        for (location, object) in made { withdraw(object, at: location) }
      }
      throw error
    }
    // It is there, and others may use it: now the proof is due, even if the program is being stopped.
    try store.withoutStop { try prove(result.etag) }
    return result
  }

  private func prove(_ etag: String) throws {
    // Nothing can be read of an empty object.
    guard file.length > 0 else { return }
    defer { RemoteObjects.close(url) }
    do {
      let proof = try UploadProof(url: url, etag: etag, length: file.length)
      try proof.compareEnds(with: file)
      if options.check != .none { try proof.checkImage() }
    } catch { throw UploadError(url, StoreError(afterUpload: error)) }
  }

  /// Whether an image with these bytes may have the name after all, by this upload or by another one.
  private func mayBeThere(after error: any Error) -> Bool {
    switch (error as? UploadError)?.code {
    case .unproved: true
    case .exists, .replaced:
      // Who was faster may rely on what this upload has put beside it.
      (try? ObjectHead(of: location, in: store)?.holds(
        file.body, inPartsOf: file.partSize(options.partSize))) == true
    default: false
    }
  }

  /// - Returns: the object if it is new.
  private func send(_ companion: Companion) throws -> UploadedObject? {
    let url = companion.location.url
    var condition = UploadCondition.absent
    if let head = try named(url, { try ObjectHead(of: companion.location, in: store) }) {
      let holds = try head.holds(companion.file.body, inPartsOf: companion.file.partSize(nil))
      if holds == true || holds == nil && options.skipsExisting { return nil }
      guard options.replaces else {
        throw UploadError(
          url,
          StoreError(
            .exists,
            "another object has the name of the file beside the image; --force replaces both"))
      }
      condition = .version(etag: head.etag)
    }
    var options = objectOptions(url)
    options.contentType = companion.contentType
    do {
      let object = try companion.file.upload(
        to: companion.location, in: store, if: condition, options, partSize: nil, tell: tell)
      return condition == .absent ? object : nil
    } catch {
      if (error as? UploadError)?.code == .unproved {
        self.options.tellLeftover(url, "this may be left without its image")
      }
      throw error
    }
  }

  private func objectOptions(_ url: [UInt8]) -> UploadOptions {
    var options = options.object
    // They stay in their files, so there may be as many as `Transport` has connections.
    options.mostInFlight = 8
    options.warn = { [warn = self.options.warn] in warn(url, $0) }
    options.left = { [self] in tell($0) }
    return options
  }

  private func tell(_ left: UnfinishedUpload) {
    options.tellLeftover(left.location.url, left.advice(endpoint: store.endpoint))
  }

  private func withdraw(_ object: UploadedObject, at location: ObjectLocation) {
    if let reason = object.withdraw(from: location, in: store) {
      options.tellLeftover(location.url, "this is left without its image: \(reason.message)")
    }
  }

  private func named<R>(_ subject: [UInt8], _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as StoreError { throw UploadError(subject, error) }
  }
}
