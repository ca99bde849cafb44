import Automount
import Glibc
package import ObjectStore
import Posix
import Terminal

/// Whether images can be read straight from a folder of a bucket: who asks, which server answers,
/// and how.
package struct BucketFolderCheckup {
  private let bucket: String
  private let prefix: [UInt8]
  private let options: StoreOptions
  private let store: Store
  private let report: (Checkup) -> Void

  /// Images have this suffix.
  private static let suffix = Array(".squash".utf8)
  /// Twice as much makes a store refuse every request.
  private static let mostSeconds = 300
  /// The most images to name one by one.
  private static let mostNamed = 20

  /// Checks in order of dependency, and ends where nothing more can be known.
  ///
  /// - Parameters:
  ///   - folder: `s3://BUCKET/FOLDER/`.
  ///   - report: called with each finding as soon as it is known.
  /// - Throws: `StoreError` with the code `invalid` if it is not a folder of a bucket.
  package static func run(
    _ folder: [UInt8], _ options: StoreOptions, _ report: @escaping (Checkup) -> Void
  ) throws {
    guard case .bucket(let bucket, var prefix)? = try ObjectLocation(parsing: folder) else {
      throw StoreError(.invalid, "not a folder of a bucket, which is s3://BUCKET/FOLDER/")
    }
    guard !prefix.hasSuffix(suffix) else {
      throw StoreError(
        .invalid,
        "an image, not a folder; \"autosquash verify --quick \(folder.shellWord)\" checks it")
    }
    if !prefix.isEmpty && prefix.last != pathSeparator { prefix.append(pathSeparator) }
    BucketFolderCheckup(
      bucket: bucket, prefix: prefix, options: options,
      store: Store(options, policy: .ofCheckups), report: report
    ).all()
  }

  private var url: String { (Array("s3://\(bucket)/".utf8) + prefix).escapedName }

  private var advice: StoreAdvice {
    StoreAdvice(
      bucket: bucket, prefix: prefix, server: (try? store.server(of: bucket)) ?? bucket)
  }

  private func fail(_ topic: String, _ error: StoreError, _ action: StoreAdvice.Action) {
    report(.fail(topic, error.finding, advice.remedy(error, for: action)))
  }

  private func all() {
    guard credentials(), let first = place() else { return }
    let probe = BucketProbe(bucket, in: store)
    let reply = probe.list(prefix)
    guard endpoint(reply) else { return }
    region(first)
    clock(reply.clockLead)
    let listing: ObjectListing
    do throws(StoreError) {
      let page = try reply.result.get()
      listing =
        page.isWhole ? page : try ObjectListing(.bucket(bucket, key: prefix), in: store)
    } catch {
      fail("listing", error, .list)
      return
    }
    report(.ok("listing", "\(listing.objects.count.counted("object")) in \(url)"))
    images(listing, probe)
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    UploadCheckup(bucket: bucket, prefix: prefix, store: store, now: Int64(now.tv_sec)).run(report)
  }

  private func images(_ listing: ObjectListing, _ probe: BucketProbe) {
    let images = listing.objects.filter { $0.key.hasSuffix(Self.suffix) }
    guard let smallest = images.smallest else {
      report(
        .warn(
          "images", "\(url) holds no images",
          "upload one: autosquash upload my-tarball.squash \(url)"))
      return
    }
    guard reading(smallest, probe) else { return }
    healthy(listing)
  }

  // MARK: Before the first request

  private func credentials() -> Bool {
    do throws(StoreError) {
      let origin = try store.credentialsOrigin()
      report(
        .ok("credentials", origin.map { "those of \($0)" } ?? "none: requests are not signed"))
      return true
    } catch {
      fail("credentials", error, .list)
      return false
    }
  }

  private func place() -> Store.Place? {
    do throws(StoreError) { return try store.currentPlace() } catch {
      fail("settings", error, .list)
      return nil
    }
  }

  // MARK: The server

  /// - Returns: whether it answers.
  private func endpoint(_ reply: BucketProbe.Reply<ObjectListing>) -> Bool {
    let server = (try? store.server(of: bucket)) ?? ""
    guard reply.isAnswered else {
      if case .failure(let error) = reply.result {
        fail(error.code == .notTrusted ? "tls" : "endpoint", error, .list)
      }
      return false
    }
    report(.ok("endpoint", "\(server) answers in \(reply.seconds.asMilliseconds)"))
    if server.hasPrefix("https:") {
      report(.ok("tls", "its certificate is trusted"))
    } else {
      report(.ok("tls", "none: what goes over the network can be read and changed there"))
    }
    return true
  }

  /// - Parameter first: what was known before the answer.
  private func region(_ first: Store.Place) {
    guard let place = try? store.currentPlace() else { return }
    if place.region == first.region {
      report(.ok("region", "\(place.region) (\(place.regionSource))"))
    } else {
      report(
        Checkup(
          status: .ok, topic: "region",
          finding: "\(place.region) (\(place.regionSource)), not \(first.region)"
            + " (\(first.regionSource))",
          remedy: "--region \(place.region), or AWS_REGION, saves a request of each command"))
    }
  }

  private func clock(_ lead: Int?) {
    guard let lead else {
      report(.ok("clock", "the server does not tell its time"))
      return
    }
    guard lead.magnitude > Self.mostSeconds else {
      report(.ok("clock", "like the server's"))
      return
    }
    report(
      .warn(
        "clock",
        "this machine's is \(Double(lead.magnitude).asDuration) \(lead > 0 ? "behind" : "ahead of")"
          + " the server's; from 15 minutes on it refuses requests",
        "sudo timedatectl set-ntp true"))
  }

  // MARK: Objects

  /// - Returns: whether images can be read.
  private func reading(_ image: ObjectListing.Object, _ probe: BucketProbe) -> Bool {
    let name = Array(image.key.dropFirst(prefix.count)).escapedName
    let count = Int(min(image.length, UInt64(ImageCheck.startSize)))
    // Enough to tell a store that sends the whole object.
    let most = Int(min(image.length, 64 << 20))
    let piece: BucketProbe.Piece
    do throws(StoreError) {
      piece = try probe.read(image.key, count: count, mostBytes: most).result.get()
    } catch {
      fail("reading", error, .read)
      return false
    }
    report(.ok("reading", "the first \(count) bytes of \(name)"))
    switch piece.partiality {
    case .exact: report(.ok("ranges", "status 206, and the bytes asked for"))
    case .wrongStatus:
      report(
        .warn(
          "ranges", "the bytes asked for, but with the status 200",
          "ask whoever runs \(advice.server); images can be read"))
    case .none:
      report(
        .fail(
          "ranges",
          "the store sends other bytes than those asked for, so no image can be read there",
          "read the images from another store, or fetch them with curl"))
      return false
    }
    return versions(piece.tag, image, probe)
  }

  /// How a replaced image would be noticed.
  private func versions(
    _ tag: BucketProbe.Piece.Tag, _ image: ObjectListing.Object, _ probe: BucketProbe
  ) -> Bool {
    guard tag != .missing else {
      report(
        .fail(
          "etag", "the store sends no ETag, so a replaced image would go unnoticed",
          "read the images from another store, or fetch them with curl"))
      return false
    }
    let onlyTag = "; only the ETag of an answer shows that an image was replaced"
    let remedy = "never overwrite an image: give the new version a new name"
    if tag == .weak {
      report(.warn("etag", "a weak one, which matches no If-Match" + onlyTag, remedy))
      return true
    }
    report(.ok("etag", "sent"))
    do throws(StoreError) {
      report(
        try probe.honoursConditions(image.key).result.get()
          ? .ok("if-match", "a wrong ETag gets the status 412")
          : .warn("if-match", "the store ignores it" + onlyTag, remedy))
    } catch {
      report(.warn("if-match", error.message, remedy))
    }
    return true
  }

  private func healthy(_ listing: ObjectListing) {
    let images: [BucketCatalogue.Image]
    do throws(SystemError) {
      images = try BucketCatalogue(
        listing, of: bucket, prefix: prefix, suffix: Self.suffix, in: store
      ).images
    } catch {
      report(.fail("images", "\(error)", "free some memory"))
      return
    }
    let bad = images.filter { $0.facts.problem != nil }
    report(
      .ok("images", "\((images.count - bad.count).grouped) of \(images.count.grouped) would mount"))
    for image in bad.prefix(Self.mostNamed) {
      report(
        .warn(
          "images", "\(image.name.escapedName) would not mount: \(image.facts.problem ?? "")",
          "autosquash verify "
            + (Array("s3://\(bucket)/".utf8) + prefix + image.name).shellWord))
    }
    if bad.count > Self.mostNamed {
      report(
        .warn(
          "images", "\(bad.count - Self.mostNamed) more would not mount",
          "autosquash images " + (Array("s3://\(bucket)/".utf8) + prefix).shellWord))
    }
  }
}
