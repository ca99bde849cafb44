import ArgumentParser
import Automount
import Glibc
import Listings
import MachineSetup
import Posix
import SquashFSFormat
import Terminal

/// `autosquash images`: the catalogue.
struct Images: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract:
      "List the images in the bucket: size, date, compressor, and whether each is mounted and healthy.",
    discussion: """
      The names are those below the mount root. Opens each image and reads its superblock, as \
      the map does before it answers, and the mode of its top directory: an image that only root can enter \
      is of no use to others. verify checks everything else.

      With a folder of a bucket (s3://BUCKET/FOLDER/): the images below it, as any kernel would \
      mount them, and whether each has a manifest beside it.
      """)

  @Argument(
    help: "A folder of a bucket, s3://BUCKET/FOLDER/. (default: as configured for the mounts)")
  var folder: ByteArgument?
  @Flag(help: "Print JSON, one object per image.") var json = false
  @OptionGroup(title: "Buckets") var bucket: BucketOptions

  func fail(_ error: any Error) -> Int32 {
    guard let folder else {
      Messages.write(error)
      return ExitStatus.of(error)
    }
    return Messages.fail(folder.bytes, error)
  }

  func execute() throws -> Int32 {
    if let folder {
      bucket.apply()
      return try BucketImages(folder.bytes).print(isJSON: json)
    }
    let job = try CatalogueJob()
    let catalogue = try job.catalogue()
    let mounts = (try? MountTable.current()) ?? MountTable.none
    var roots = RootDirectories()
    var hanging: BucketError?
    do { roots = try RootDirectories.read(catalogue, job) } catch { hanging = error }
    var output = StandardOutput()
    var lines: [ImageLine] = []
    for entry in catalogue.images {
      let place = job.configuration.mountRoot.appending(entry.name)
      let line = ImageLine(
        entry: entry, isMounted: mounts.mount(at: place)?.isImage == true,
        closedMode: roots.modes[entry.file])
      if json { try output.write(line: line.json) } else { lines.append(line) }
    }
    if !json {
      for line in ImageLine.table(lines) { try output.write(line + "\n") }
      if lines.isEmpty {
        Messages.write(HostPath(job.configuration.images.bytes), "no images in this folder")
      }
    }
    try output.flush()
    // Everything known has been printed.
    if let hanging { throw hanging }
    for folder in catalogue.unreadable { Messages.write(folder.path, folder.text) }
    return catalogue.unreadable.isEmpty ? 0 : ExitStatus.failed
  }
}

/// One image in the list.
struct ImageLine {
  let entry: Catalogue.Entry
  let isMounted: Bool
  /// The mode of its root directory, if only root can enter that.
  let closedMode: UInt16?

  private var state: String {
    if let problem = entry.problem { return "will not mount: \(problem)" }
    let state = isMounted ? "mounted" : "ok"
    guard let closedMode else { return state }
    return "\(state), but only root can enter it (mode \(closedMode.asMode)); "
      + "pack it again with --chmod a+rX"
  }

  /// The lines with aligned columns and a title.
  static func table(_ lines: [ImageLine]) -> [String] {
    if lines.isEmpty { return [] }
    var dates = TimeFormat(isFull: false)
    var rows = [["NAME", "SIZE", "DATE", "TYPE", "STATE"]]
    rows += lines.map { line in
      [
        line.entry.name.escapedName, LongFormat.human(line.entry.size),
        dates.text(UInt32(clamping: line.entry.modified / 1_000_000_000)),
        line.entry.compressor?.name ?? "-", line.state,
      ]
    }
    return aligned(rows)
  }

  /// Rows of the same number of columns, the second of which is a number, as lines.
  static func aligned(_ rows: [[String]]) -> [String] {
    guard let first = rows.first else { return [] }
    let widths = first.indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      row.enumerated().map { column, text in
        if column == row.count - 1 { return text }
        let padding = String(repeating: " ", count: widths[column] - text.count)
        return column == 1 ? padding + text : text + padding
      }.joined(separator: "  ")
    }
  }

  var json: JSON {
    [
      "name": .name(entry.name), "file": .name(entry.file), "size": JSON(entry.size),
      "modified": JSON(entry.modified / 1_000_000_000),
      "compressor": .string(entry.compressor?.name ?? ""), "mounted": .boolean(isMounted),
      "healthy": .boolean(entry.problem == nil), "problem": .string(entry.problem ?? ""),
      "onlyRoot": .boolean(closedMode != nil),
    ]
  }
}
