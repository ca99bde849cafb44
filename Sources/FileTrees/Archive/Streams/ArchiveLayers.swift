/// A source's file, with the layers around its archive removed one by one: compressions, a
/// Debian package.
///
/// The archive is read from the last layer. When that one ends, the layer below shows what
/// follows: bytes after a compressed stream.
final class ArchiveLayers {
  private struct Layer {
    let stream: PushbackInput
    /// The format unpacked for it; `nil` for the file itself, and in a Debian package.
    let format: StreamFormat?
  }

  private let path: [UInt8]
  private let file: FileInput
  private var layers: [Layer]

  /// An archive with more compressions was made to waste somebody's time.
  private static let most = 8

  init(_ file: FileInput, path: [UInt8]) throws {
    self.path = path
    self.file = file
    layers = [Layer(stream: PushbackInput(file), format: nil)]
    try unpack()
  }

  /// The layer to read the archive from.
  var top: PushbackInput { layers[layers.count - 1].stream }

  /// The file itself, if it is uncompressed and can seek.
  var plainFile: FileInput? { layers.count == 1 && file.isSeekable ? file : nil }

  /// The compression of the last layer; `nil` if it is plain.
  var format: StreamFormat? { layers[layers.count - 1].format }

  /// Adds a layer for each compression that begins here, and for the archive in a Debian package.
  private func unpack() throws {
    while true {
      let kind = try top.kind()
      let inner: any ByteInput
      var format: StreamFormat?
      if case .compressed(let found) = kind {
        try refuseMore()
        inner = try found.unpacked(top, path: path)
        format = found
      } else if kind == .ar, try DebianData.begins(top) {
        try refuseMore()
        inner = try DebianData(top, path: path)
      } else {
        return
      }
      layers.append(Layer(stream: PushbackInput(inner), format: format))
    }
  }

  private func refuseMore() throws {
    guard layers.count > Self.most else { return }
    throw SourceError(
      .refused, path: path, "compressed more than \(Self.most) times over; unpack it first")
  }

  /// Goes on to the next nonzero byte, leaving the compressions that end before it.
  ///
  /// - Returns: whether there is one.
  func skipPadding() throws -> Bool {
    while true {
      try top.skipZeros()
      if try !top.peek(1).isEmpty { return true }
      if layers.count == 1 { return false }
      layers.removeLast()
    }
  }

  /// Prepares to read the archive from whatever comes next, after padding.
  func unpackNext() throws { try unpack() }

  /// Continues reading the file elsewhere; for files from `plainFile`.
  func seek(to offset: Int64) throws {
    try file.seek(to: offset)
    layers = [Layer(stream: PushbackInput(file), format: nil)]
  }

  /// Consumes the rest of this layer and those below, and looks for archives in it.
  ///
  /// - Parameter tarStart: where a tar archive began in this layer; `nil` if none did.
  /// - Returns: the number of bytes, and the first archive among them.
  func search(tarFrom tarStart: Int64?) throws -> (count: Int64, kind: StreamKind?) {
    var count: Int64 = 0
    var kind: StreamKind?
    var tarStart = tarStart
    while true {
      let found = try ArchiveSearch.drain(top, tarFrom: tarStart)
      tarStart = nil
      count += found.count
      kind = kind ?? found.kind
      if layers.count == 1 { return (count, kind) }
      layers.removeLast()
    }
  }

  /// Consumes the rest of this layer and those below.
  ///
  /// - Returns: the number of bytes.
  func drain() throws -> Int64 {
    var count: Int64 = 0
    while true {
      count += try top.drain()
      if layers.count == 1 { return count }
      layers.removeLast()
    }
  }
}

extension PushbackInput {
  /// The kind of stream that begins here.
  func kind() throws -> StreamKind? {
    if let kind = StreamKind(startOf: try peek(StreamKind.longestStart)) { return kind }
    let (offset, mark) = StreamKind.isoMark
    let start = try peek(offset + mark.count)
    return start.count > offset && start[offset...].elementsEqual(mark) ? .iso : nil
  }
}
