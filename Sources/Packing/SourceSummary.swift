import FileTrees

/// The facts about an image's sources.
package struct SourceSummary: Sendable {
  /// The number of unreadable files left out.
  package private(set) var unreadable = 0
  /// The number of directories that changed during reading.
  package private(set) var changedDirectories = 0
  /// Whether an archive ended too early.
  package private(set) var wasCut = false
  /// The single top directories that became roots.
  package private(set) var strippedTops: [[UInt8]] = []

  /// Whether everything in them was packed.
  package var isWhole: Bool { unreadable + changedDirectories == 0 && !wasCut }

  /// Reads a source and puts its tree on top of the previous ones.
  mutating func add(
    _ reader: PackSource, _ assembler: TreeAssembler, to layers: inout SourceLayers
  ) throws {
    try reader.read(into: assembler)
    unreadable += reader.unreadable
    changedDirectories += reader.changedDirectories
    wasCut = wasCut || reader.wasCut
    assembler.isSourceCut = reader.wasCut
    try layers.add(assembler)
    if let top = assembler.notes.strippedTop { strippedTops.append(top) }
  }
}
