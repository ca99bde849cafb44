public import FileTrees
import Posix
public import SquashFS
import TreeModel

/// Writes an image, or a part of it, as a tar archive.
///
/// The archive is incomplete until `finish` has been called. An `Interruption` ends the work
/// early.
public final class TarExporter {
  /// How to write the archive.
  public struct Options: Sendable {
    /// The number of threads for unpacking.
    public var threads = 1
    /// Which extended attributes to write.
    public var xattrs = XattrPolicy.usual

    public init() {}
  }

  /// What was written.
  public struct Result: Sendable {
    /// The number of files and directories, without the top.
    public var files = 0
    /// The number of bytes in the files.
    public var bytes: UInt64 = 0
    /// Names not found in the image.
    public var missing: [[UInt8]] = []
    /// One sentence for each kind of thing that the archive has to change or leave out.
    public var warnings: [String] = []
  }

  private let image: Image
  private let options: Options
  private let writer: TarWriter

  /// - Parameters:
  ///   - descriptor: to write to; remains open.
  ///   - path: for errors; its suffix selects the compression.
  public init(
    _ image: Image, to descriptor: Int32, path: [UInt8], _ options: Options
  ) throws {
    self.image = image
    self.options = options
    writer = try TarWriter(descriptor: descriptor, path: path)
  }

  /// Whether we can write the kind of archive that this name promises.
  public static func canWrite(_ path: [UInt8]) -> Bool { TarWriter.canWrite(path) }

  /// Writes the selection; call it once.
  ///
  /// - Parameter progress: called now and then, with the number of bytes of files written so far.
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
        "\(items.sockets) \(items.sockets == 1 ? "socket" : "sockets") left out: tar cannot hold "
          + "\(items.sockets == 1 ? "it" : "them")")
    }
    if writer.changedAttributes > 0 {
      list.append(
        "\(writer.changedAttributes.counted("extended attribute")) with an odd name: all but plain "
          + "ASCII is written as %FF")
    }
    return list + [xattrs.warning].compactMap { $0 }
  }

  /// Ends the archive.
  public func finish() throws { try writer.finish() }
}
