import Posix

/// Notes for the user after a tree is built: each kind is counted, and reported once.
public struct AssemblyNotes: Sendable {
  /// Entries excluded by patterns or paths.
  public var leftOut = 0
  /// Whether the root is the only entry.
  public var tookNothing = false
  /// Which patterns matched something.
  var patterns = PatternUse(Selection())
  /// Which mappings of owners fit something.
  var mappings = MappingUse(OwnershipPolicy())
  /// Whether patterns for attributes match any.
  var xattrs = XattrUse(.usual)
  /// What is wrong with the path of --root-becomes.
  var mistakenRoot: String?
  /// Entries that a later one of the same name replaced.
  public var replaced = ReplacedEntries()
  /// Names that lost a leading slash.
  public var leadingSlashes = 0
  /// Times outside 1970 to 2106.
  public var clampedTimes = 0
  /// Files that lost set-id bits or capabilities because their owner changed.
  public var droppedSetIDs = 0
  /// Extended attributes an image cannot hold.
  public var droppedXattrs = 0
  /// Extended attributes about the machine they come from.
  public var localXattrs = 0
  /// Names that became files of their own.
  public var separatedLinks = 0
  /// Names whose bytes would have come in the missing part of the source.
  public var lostByCut = 0
  /// Entries that only root or their owner can read or enter.
  public var closed = ClosedPlaces()
  /// Links that lead out of the image or to nothing, if we looked for them.
  public var danglingLinks = DanglingLinks()
  /// Paths of the access order, and which of them had files packed.
  var pathsInOrder = 0
  var usedRanks: Set<UInt32> = []
  /// Entries of earlier sources that later ones replaced or removed.
  public var replacedSources = ReplacedEntries()
  /// Whether sources can remove entries of those before them.
  var hasWhiteouts = false
  /// The directory that became the root.
  public var strippedTop: [UInt8]?

  /// Sentences about missing things that options name.
  public var mistakes: [String] { (mistakenRoot.map { [$0] } ?? []) + patterns.warnings }

  /// One sentence each, most important first.
  public var warnings: [String] {
    var list: [String] = []
    func note(_ count: Int, _ one: String, _ many: String) {
      if count > 0 { list.append(count == 1 ? "1 \(one)" : "\(count.grouped) \(many)") }
    }
    list += mistakes + mappings.warnings
    if let warning = xattrs.warning { list.append(warning) }
    note(
      lostByCut, "name left out: its bytes would have come later",
      "names left out: their bytes would have come later")
    list += closed.warnings
    if let warning = danglingLinks.warning { list.append(warning) }
    note(
      localXattrs,
      "machine-specific extended attribute left out (such as security.selinux); --xattrs all "
        + "keeps it",
      "machine-specific extended attributes left out (such as security.selinux); --xattrs all "
        + "keeps them")
    note(
      droppedXattrs, "extended attribute left out: an image cannot hold it (such as a POSIX ACL)",
      "extended attributes left out: an image cannot hold them (such as POSIX ACLs)")
    note(
      droppedSetIDs,
      "file lost its set-id bits or capabilities with its owner; --keep-setid keeps them",
      "files lost their set-id bits or capabilities with their owner; --keep-setid keeps them")
    note(
      clampedTimes, "time outside 1970 to 2106 moved to the nearest an image can hold",
      "times outside 1970 to 2106 moved to the nearest an image can hold")
    note(leadingSlashes, "leading / removed from a name", "leading / removed from names")
    if replaced.count == 1 {
      list.append("\(replaced.first.escapedName) is replaced by a later entry of the same name")
    } else if replaced.count > 1 {
      list.append(
        "\(replaced.count.grouped) entries are replaced by later ones of the same name, starting with "
          + replaced.first.escapedName)
    }
    note(
      separatedLinks, "name of a hard link became a file of its own",
      "names of hard links became files of their own")
    if let warning = sourcesWarning { list.append(warning) }
    note(
      pathsInOrder - usedRanks.count, "path of --order matches no packed file",
      "paths of --order match no packed file")
    return list
  }

  /// Later layers are meant to replace parts of earlier ones; other sources may do so by chance.
  private var sourcesWarning: String? {
    let count = replacedSources.count
    guard count > 0 else { return nil }
    let first = replacedSources.first.escapedName
    let what = hasWhiteouts ? "replaced or removed" : "replaced"
    let text =
      count == 1
      ? "1 entry of an earlier source is \(what) by a later one: \(first)"
      : "\(count.grouped) entries of earlier sources are \(what) by later ones, starting with \(first)"
    if hasWhiteouts { return text }
    return "\(text); --prefix NAME before each source keeps them apart"
  }

  public init() {}

  /// Adds the notes on another source of the same image.
  mutating func add(_ other: AssemblyNotes) {
    leftOut += other.leftOut
    tookNothing = tookNothing && other.tookNothing
    mistakenRoot = mistakenRoot ?? other.mistakenRoot
    patterns.add(other.patterns)
    mappings.add(other.mappings)
    xattrs.add(other.xattrs)
    replaced.add(other.replaced)
    leadingSlashes += other.leadingSlashes
    clampedTimes += other.clampedTimes
    droppedSetIDs += other.droppedSetIDs
    droppedXattrs += other.droppedXattrs
    localXattrs += other.localXattrs
    separatedLinks += other.separatedLinks
    lostByCut += other.lostByCut
    usedRanks.formUnion(other.usedRanks)
  }
}
