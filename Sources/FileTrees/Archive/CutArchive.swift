/// The errors for archives, and compressed streams around them, that end too early.
extension SourceError {
  /// What helps against damage: nothing here can repair it.
  static let fetchAgain = "fetch or make it again"

  /// An archive whose format shows that its end is missing.
  ///
  /// - Parameter sign: what shows it, as in "it has no trailer".
  static func cutOff(
    _ path: [UInt8], _ sign: String, canTakeStart: Bool = true
  ) -> SourceError {
    SourceError(
      .cutOff, path: path, "the archive is cut off: \(sign)", hint: fetchAgain,
      remedies: canTakeStart ? [.allowTruncated] : [])
  }

  /// An archive that ends amid an entry, or before one.
  ///
  /// - Parameter place: the entry, as in " at course/reads.fq"; empty if there is none.
  static func cutOff(_ path: [UInt8], at place: String) -> SourceError {
    SourceError(
      .cutOff, path: path, "the archive is cut off\(place)", hint: fetchAgain,
      remedies: [.allowTruncated])
  }

  /// An archive that libarchive cannot read on: it does not always tell damage from a missing end.
  ///
  /// - Parameters:
  ///   - place: the entry, as above.
  ///   - reason: libarchive's words, or ours.
  static func damagedOrCutOff(
    _ path: [UInt8], at place: String, _ reason: String, isCutOff: Bool
  ) -> SourceError {
    SourceError(
      isCutOff ? .cutOff : .damaged, path: path, "damaged or cut-off archive\(place): \(reason)")
  }
}

extension StreamFormat {
  /// A stream of this format that ends too early.
  func cutOff(_ path: [UInt8]) -> SourceError {
    SourceError(
      .cutOff, path: path, "the \(rawValue) stream is cut off", hint: Self.fetchAgain)
  }

  /// A stream of this format that cannot be unpacked.
  func damaged(_ path: [UInt8], _ reason: String) -> SourceError {
    SourceError(
      .damaged, path: path, "the \(rawValue) stream is damaged (\(reason))",
      hint: Self.fetchAgain)
  }

  private static let fetchAgain = "fetch or make the file again"
}
