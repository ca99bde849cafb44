/// The sizes of the parts of an upload: the same for all but the last, since some stores (R2) insist.
package enum PartSize {
  /// S3 takes no more parts.
  package static let mostParts = 10_000
  /// The smallest that S3 takes, except for the last part.
  package static let least = 5 << 20
  package static let standard = 8 << 20
  /// The largest that S3 takes.
  package static let most = 5 << 30

  /// The smallest that S3 takes for an object, in whole MiB.
  ///
  /// - Returns: `nil` if the object is too long for any.
  package static func least(for length: UInt64) -> Int? {
    let mebibyte: UInt64 = 1 << 20
    let wanted = (length / UInt64(mostParts) / mebibyte + 1) * mebibyte
    return wanted <= UInt64(most) ? max(least, Int(wanted)) : nil
  }

  /// - Parameter estimate: how long the object may become. It may become half as long again, and then
  ///   still has 1,000 parts in reserve.
  package static func forObject(of estimate: UInt64) -> Int {
    let wanted = Int(clamping: estimate / 9_000 / 2) * 3
    // In whole MiB.
    let mebibyte = 1 << 20
    return min(most, max(standard, (wanted / mebibyte + 1) * mebibyte))
  }
}
