import TreeModel

/// Files of one directory with at most one part each, written in a row: passing each one between
/// threads would take longer than writing it.
struct SmallFiles {
  struct File {
    var name: [UInt8]
    var attributes: Attributes
    var xattrs: [ExtendedAttribute]
    /// `nil` for an empty file.
    var part: FileJob.Part?
  }

  let directory: OutputDirectory
  var files: [File] = []
  private var bytes = 0
  /// The fragments the files keep in memory.
  private var fragments: Set<ObjectIdentifier> = []

  init(in directory: OutputDirectory) { self.directory = directory }

  mutating func add(_ file: File) {
    files.append(file)
    if let part = file.part {
      switch part {
      case .block(_, let size, _): bytes += size
      case .tail(let fragment, _, let size, _):
        bytes += size
        fragments.insert(ObjectIdentifier(fragment))
      case .lost: break
      }
    }
    for attribute in file.xattrs { bytes += attribute.name.count + attribute.value.count }
  }

  /// Whether it can keep a thread busy for a while.
  var isFull: Bool { files.count >= 128 || bytes >= 1 << 20 || fragments.count >= 4 }
}
