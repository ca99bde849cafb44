import CLibArchive
import Posix

/// Handles what follows an archive. Bytes that may be members are never skipped silently.
extension ArchiveSource {
  /// POSIX lets a tar writer leave anything in the rest of its last record of 20 blocks.
  private static let tarRecord: Int64 = 10_240

  /// Checks that the archive is complete, and looks at what follows it.
  ///
  /// - Returns: whether another archive follows that should be read too.
  func goOn(after part: ArchivePart, in layers: ArchiveLayers) throws -> Bool {
    if part.archive.isTar { return try goOn(afterTar: part, layers) }
    if part.archive.isCpio {
      try resume(at: part.archive.consumed, after: part, in: layers)
      // Like an initrd in the kernel: one cpio archive after the other, each compressed or not.
      return try look(layers) { $0.mayHold(.cpio) }
    }
    try resume(at: try otherEnd(part), after: part, in: layers)
    return try look(layers, afterMark: part.archive.leavesEndMark, part.headerFailure) { _ in
      false
    }
  }

  private func goOn(afterTar part: ArchivePart, _ layers: ArchiveLayers) throws -> Bool {
    let end = try tarEnd(part)
    try resume(at: end.position, after: part, in: layers)
    let record = (end.position + Self.tarRecord - 1) / Self.tarRecord * Self.tarRecord
    // The leftovers that POSIX allows there begin after two blocks of zeros.
    let rest = TarRest(
      layer: layers.top, start: part.start,
      recordEnd: end.isLoneBlock ? 0 : part.start + record)
    var isPassedOver = false
    let readsOn = try look(layers, rest) { kind in
      if end.isLoneBlock && kind == .tar && layers.top === rest.layer {
        warn(
          "skipped a lone block of zeros at byte \(end.position - Int64(TarHeaders.block)): the end "
            + "of an archive has two")
        isPassedOver = true
        return true
      }
      return options.ignoresZeros && kind.mayHold(.tar)
    }
    if end.isLoneBlock && !isPassedOver {
      warn("only one block of zeros at the end, expected two")
    }
    return readsOn
  }

  /// Repositions the layers behind an archive, however far libarchive has read beyond its end.
  ///
  /// - Parameter position: counted from the archive's start.
  private func resume(
    at position: Int64, after part: ArchivePart, in layers: ArchiveLayers
  ) throws {
    if !part.isStream { return try layers.seek(to: min(position, file.length ?? 0)) }
    let window = part.window
    guard window.end > position else { return try layers.top.skip(upTo: position - window.end) }
    guard let rest = window.slice(at: position, count: Int(window.end - position)) else {
      throw SourceError(.unreadable, path: path, "cannot find the end of the archive again")
    }
    rest.withUnsafeBytes { layers.top.unread($0) }
  }

  // MARK: What follows

  /// Where members of a tar archive could hide behind its end.
  private struct TarRest {
    let layer: PushbackInput
    /// The archive's start and the end of its last record.
    let start: Int64
    let recordEnd: Int64
  }

  /// Looks at what follows an archive, skipping padding.
  ///
  /// - Parameters:
  ///   - afterMark: whether the archive's end mark, of unknown length, comes first.
  ///   - failure: the error if there is neither padding nor a stream of a known kind.
  ///   - readsOn: whether to read a stream of this kind too.
  private func look(
    _ layers: ArchiveLayers, _ rest: TarRest? = nil, afterMark: Bool = false,
    _ failure: (any Error)? = nil, readsOn: (StreamKind) -> Bool
  ) throws -> Bool {
    let format = layers.format
    let layer = layers.top
    // An ISO 9660 file system begins with zeros.
    if try layer.kind() == .iso { throw follows(.iso, try layers.drain()) }
    guard try layers.skipPadding() else { return false }
    var kind = try layers.top.kind()
    if kind == nil, let rest, layers.top === rest.layer {
      try skipRecord(rest)
      guard try layers.skipPadding() else { return false }
      kind = try layers.top.kind()
    }
    if let kind {
      guard readsOn(kind) else { throw follows(kind, try layers.drain(), isAfterTar: rest != nil) }
      try layers.unpackNext()
      let inner = try layers.top.kind()
      guard inner == kind || inner.map(readsOn) == true else {
        throw follows(inner ?? kind, try layers.drain())
      }
      return true
    }
    let place = layers.top === layer ? "archive" : "\(format?.rawValue ?? "compressed") data"
    // The bytes between may be damaged members: do not read on behind them.
    let tarStart = rest.flatMap { layers.top === $0.layer ? $0.start : nil }
    let (count, found) = try layers.search(tarFrom: tarStart)
    if let found { throw follows(found, count) }
    if let failure { throw failure }
    if afterMark { return false }
    if delivered == 0 { try refuseFileSystem() }
    warn("\(count.counted("byte")) after the end of the \(place) ignored")
    return false
  }

  /// Skips the leftovers in a tar archive's last record.
  ///
  /// - Throws: `SourceError` if there is a member.
  private func skipRecord(_ rest: TarRest) throws {
    // Zeros may have led past it.
    let left = max(0, rest.recordEnd - rest.layer.position)
    let (count, kind) = try ArchiveSearch.drain(rest.layer, upTo: left, tarFrom: rest.start)
    if let kind { throw follows(kind, count) }
  }

  private func follows(
    _ kind: StreamKind, _ count: Int64, isAfterTar: Bool = false
  ) -> SourceError {
    let mayBeRead = isAfterTar && kind.mayHold(.tar) && !options.ignoresZeros
    return SourceError(
      .refused, path: path,
      "\(kind.name) follows the end of this one: \(count.counted("byte")) would be lost",
      hint: mayBeRead ? nil : "split the file, and use the part you want",
      remedies: mayBeRead ? [.ignoreZeros] : [])
  }

  // MARK: Ends

  /// The end of a tar archive.
  private struct TarEnd {
    /// Behind the blocks of zeros, counted from the archive's start.
    var position: Int64
    /// Whether there is one zero block instead of two.
    var isLoneBlock: Bool
  }

  private func tarEnd(_ part: ArchivePart) throws -> TarEnd {
    let block = Int64(TarHeaders.block)
    // After headers without a member: global ones, volume labels.
    headers.read(at: archive_read_header_position(part.archive.raw), in: part.window)
    let start = headers.position
    var end = part.window.slice(at: start, count: 2 * TarHeaders.block)
    while let found = end, found.count < 2 * TarHeaders.block, try part.archive.readAhead() {
      end = part.window.slice(at: start, count: 2 * TarHeaders.block)
    }
    let zeros = Int64(end?.prefix { $0 == 0 }.count ?? 0)
    guard zeros >= block else {
      throw SourceError.cutOff(path, "it has no end-of-archive block")
    }
    let isLone = zeros < 2 * block
    return TarEnd(position: start + (isLone ? block : 2 * block), isLoneBlock: isLone)
  }

  /// The end of an archive other than tar, cpio or zip, counted from its start.
  private func otherEnd(_ part: ArchivePart) throws -> Int64 {
    let archive = part.archive
    if part.headerFailure != nil { return part.memberEnd }
    if archive.isXar { return archive.consumed + part.xarChecksumSize }
    if archive.isISO { return max(archive.consumed, part.isoSize) }
    if archive.isSevenZip && !part.isStream { return try SevenZipEnd.position(in: file) }
    return archive.consumed
  }
}

extension StreamKind {
  /// Whether it is, or may hold once decompressed, an archive of this kind.
  func mayHold(_ kind: StreamKind) -> Bool {
    if case .compressed = self { return true }
    return self == kind
  }
}
