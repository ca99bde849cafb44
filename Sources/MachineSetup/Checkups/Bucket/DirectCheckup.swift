import Automount
import HTTP
import Inputs
import ObjectStore
import Posix
import SquashFS
import Terminal

/// Whether the images on an s3fs mount can also be read without it, and what either costs.
struct DirectCheckup {
  let folder: MountedFolder
  let options: StoreOptions
  let suffixes: [[UInt8]]

  private static let topic = "bucket, direct"

  /// Runs no other process: the network has a thread by then.
  func all() -> [Checkup] {
    let count = TransferCount()
    let store = Store(folder.options(options), policy: .ofCheckups, count: count)
    let advice = StoreAdvice(
      bucket: folder.bucket, prefix: folder.prefix,
      server: (try? store.server(of: folder.bucket)) ?? folder.bucket)
    func warning(
      _ error: StoreError, _ action: StoreAdvice.Action, remedy: String? = nil
    ) -> [Checkup] {
      [
        .warn(
          Self.topic, "\(folder.url.escapedName): \(error.finding)",
          remedy ?? advice.remedy(error, for: action))
      ]
    }
    let origin: String?
    do throws(StoreError) { origin = try store.credentialsOrigin() } catch {
      return warning(error, .list, remedy: folder.copyOfKeys)
    }
    let region: String
    let probe = BucketProbe(folder.bucket, in: store)
    let reply: BucketProbe.Reply<ObjectListing>
    let listing: ObjectListing
    do throws(StoreError) {
      reply = probe.list(folder.prefix)
      listing = try reply.result.get()
      region = try store.currentPlace().region
    } catch { return warning(error, .list) }
    let images = listing.objects.filter { object in
      object.length > 0 && suffixes.contains { object.key.hasSuffix($0) }
    }.sorted { $0.length < $1.length }
    if let smallest = images.smallest {
      let count = Int(min(smallest.length, UInt64(ImageCheck.startSize)))
      let piece = probe.read(smallest.key, count: count, mostBytes: 1 << 20)
      do throws(StoreError) { _ = try piece.result.get() } catch { return warning(error, .read) }
    }
    let credentials = origin.map { "with the credentials of \($0)" } ?? "without credentials"
    var found = [
      Checkup.ok(
        Self.topic,
        "\(folder.url.escapedName) answers in \(reply.seconds.asMilliseconds) \(credentials)"
          + " (region \(region))" + (images.isEmpty ? "; there is no image to read" : ""))
    ]
    if !images.isEmpty {
      found.append(comparison(images[images.count / 2], store, count))
    }
    return found
  }

  /// Lists an image of medium size directly, and says what s3fs would fetch for that.
  private func comparison(
    _ object: ObjectListing.Object, _ store: Store, _ count: TransferCount
  ) -> Checkup {
    let topic = "direct or s3fs"
    let name = Array(object.key.dropFirst(folder.prefix.count)).escapedName
    let (requests, bytes) = (count.requests, count.bytes)
    let cost: AccessCost?
    do {
      let bytes = ObjectBytes(
        try RemoteObject(.bucket(folder.bucket, key: object.key), in: store))
      let model = BucketModel(
        partSize: UInt64(folder.s3fs.partSize) << 20,
        parallelParts: UInt64(folder.s3fs.parallelCount), latency: 0, rate: 1)
      // It reads what it counts.
      cost = try CostMeter(Image(ImageInput(bytes)), model).list([])
    } catch {
      return .warn(
        topic, "\(name) cannot be listed directly: \(error)",
        "autosquash verify " + (folder.url + name.utf8).shellWord)
    }
    guard let cost else { return .ok(topic, "\(name) has no directory to list") }
    return .ok(
      topic,
      "ls -l of \(name) takes \((count.requests - requests).counted("request")) and"
        + " \((count.bytes - bytes).asBytes) directly; through s3fs, info --cost predicts"
        + " \(cost.requests.grouped) and \(cost.bytes.asBytes)"
        + " (multipart_size=\(folder.s3fs.partSize), parallel_count=\(folder.s3fs.parallelCount))")
  }
}

extension RetryPolicy {
  /// Who waits for a checkup wants to know soon.
  static var ofCheckups: RetryPolicy {
    var policy = RetryPolicy()
    policy.total = 5_000
    return policy
  }
}

extension Double {
  /// Seconds as "34 ms".
  var asMilliseconds: String { "\((self * 1000).rounded(toDigits: 0)) ms" }
}

extension [UInt8] {
  func hasSuffix(_ suffix: [UInt8]) -> Bool {
    count > suffix.count && self.suffix(suffix.count).elementsEqual(suffix)
  }
}
