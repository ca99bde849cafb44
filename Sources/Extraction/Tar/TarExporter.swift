public import FileTrees
internal import Posix
public import SquashFS
internal import TreeModel

/// Writes an image, or a part of it, as a tar archive.
///
/// An archive that `finish` was not called for is not complete. The work ends early where an
/// `Interruption` was requested.
public final class TarExporter {
  /// How the archive is written.
  public struct Options: Sendable {
    /// The number of threads that unpack.
    public var threads = 1
    /// Which extended attributes go into the archive.
    public var xattrs = XattrPolicy.usual

    public init() {}
  }

  /// What went into the archive.
  public struct Result: Sendable {
    /// The number of files and directories, without the top.
    public var files = 0
    /// The bytes of the files.
    public var bytes: UInt64 = 0
    /// What was named and is not in the image.
    public var missing: [[UInt8]] = []
    /// One sentence for each kind of thing that is not in the archive as it is in the image.
    public var warnings: [String] = []
  }

  private let image: Image
  private let options: Options
  private let writer: TarWriter

  /// - Parameters:
  ///   - descriptor: to write to; stays open.
  ///   - path: for errors; its ending says how the archive is compressed.
  public init(
    _ image: Image, to descriptor: Int32, path: [UInt8], _ options: Options
  ) throws {
    self.image = image
    self.options = options
    writer = try TarWriter(descriptor: descriptor, path: path)
  }

  /// Whether an archive under this name is what the name says.
  public static func canWrite(_ path: [UInt8]) -> Bool { TarWriter.canWrite(path) }

  /// Writes everything that was chosen; once.
  ///
  /// - Parameter progress: called now and then, with the bytes of files written so far.
  public func run(
    _ filter: inout PathFilter, progress: (UInt64) -> Void = { _ in }
  ) throws -> Result {
    var result = Result()
    let items = try TarItems(image, filter)
    let image = image
    let content = try ContentStream<TarItems.Item>(image, threads: options.threads) {
      try items.next(of: image)
    }
    let xattrs = XattrFilter(options.xattrs)
    while !Interruption.isRequested, var item = try content.nextFile() {
      item.entry.xattrs = xattrs.wanted(item.entry.xattrs)
      if !item.entry.path.elementsEqual("./".utf8) { result.files += 1 }
      try writer.add(item.entry, size: item.size, data: item.data)
      while !Interruption.isRequested, let part = try content.nextPart() {
        switch part {
        case .bytes(let piece):
          try writer.write(piece)
          result.bytes += UInt64(piece.count)
        case .hole(let count): try writer.write(zeros: count)
        case .lost(_, let error): throw error.about(item.entry.path)
        }
        progress(result.bytes)
      }
    }
    try image.input.checkUnchanged()
    filter = items.filter
    result.missing = filter.missing
    result.warnings = warnings(items, xattrs)
    return result
  }

  private func warnings(_ items: TarItems, _ xattrs: XattrFilter) -> [String] {
    var list: [String] = []
    if items.sockets > 0 {
      list.append(
        "\(items.sockets) \(items.sockets == 1 ? "socket is" : "sockets are") left out, which tar "
          + "cannot hold")
    }
    if writer.changedAttributes > 0 {
      list.append(
        "\(writer.changedAttributes.counted("extended attribute")) with an odd name: its bytes but "
          + "plain ASCII are written as %FF")
    }
    return list + [xattrs.warning].compactMap { $0 }
  }

  /// Ends the archive.
  public func finish() throws { try writer.finish() }
}
