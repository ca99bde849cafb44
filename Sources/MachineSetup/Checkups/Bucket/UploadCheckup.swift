import ObjectStore
import Posix
import Terminal

/// Whether uploads were begun in a folder of a bucket and never ended: nobody sees their parts, but
/// they cost money.
struct UploadCheckup {
  let bucket: String
  let prefix: [UInt8]
  let store: Store
  let now: Int64

  /// An upload that is younger may still be running.
  private static let oldest: Int64 = 86_400
  /// The most uploads to name one by one.
  private static let mostNamed = 20

  func run(_ report: (Checkup) -> Void) {
    let listing: UploadListing
    do throws(StoreError) {
      listing = try UploadListing(of: bucket, prefix, in: store)
    } catch {
      report(.ok("uploads", "not known whether unfinished ones cost money: \(error.finding)"))
      return
    }
    let stale = listing.uploads.filter { age($0) ?? Self.oldest >= Self.oldest }
    let young = listing.uploads.count - stale.count
    if stale.isEmpty {
      report(
        .ok(
          "uploads",
          young == 0
            ? "none is unfinished" : "\(young.counted("upload")) of the last day may be running"))
      return
    }
    for upload in stale.prefix(Self.mostNamed) {
      let location = ObjectLocation.bucket(bucket, key: upload.key)
      let unfinished = UnfinishedUpload(location: location, id: upload.id, reason: "")
      report(
        .warn(
          "uploads",
          "one of \(upload.key.escapedName) began"
            + (age(upload).map { " \(($0 / Self.oldest).counted("day")) ago" } ?? "")
            + " and has not ended; its parts cost money",
          unfinished.abortCommand(endpoint: store.endpoint)))
    }
    let more = stale.count - Self.mostNamed
    report(
      .warn(
        "uploads",
        more > 0
          ? "\(more.grouped) more have not ended"
          : "the bucket seems to have no rule that removes them",
        "give the bucket a lifecycle rule with AbortIncompleteMultipartUpload (docs/bucket.md)"))
  }

  private func age(_ upload: UploadListing.Upload) -> Int64? {
    upload.begun.map { max(0, now.subtractingReportingOverflow($0).partialValue) }
  }
}
