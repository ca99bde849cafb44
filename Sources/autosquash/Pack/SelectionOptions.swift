import ArgumentParser
import FileTrees
import TreeModel

struct SelectionOptions: ParsableArguments {
  @Option(help: "Leading directories to strip from names; auto: an archive's single top directory.")
  var stripComponents = "auto"

  @Option(
    help: ArgumentHelp(
      "Take only the tree at PATH in the image; PATH becomes its root.",
      valueName: "path"))
  var rootBecomes: ByteArgument?

  @Option(
    help: ArgumentHelp(
      """
      Put the following sources below PATH in the image; may be given before each.
      """, valueName: "path"))
  var prefix: ByteArgument?

  @Option(
    help: ArgumentHelp(
      """
      Leave out matching files, at any depth; a leading / means the image's root (before --prefix), \
      ** crosses directories.
      """,
      valueName: "glob"))
  var exclude: [ByteArgument] = []

  @Option(help: ArgumentHelp("Read such patterns from a file, one per line.", valueName: "file"))
  var excludeFrom: [ByteArgument] = []

  @Option(help: ArgumentHelp("Take only files that match such a pattern.", valueName: "glob"))
  var include: [ByteArgument] = []

  @Flag(
    help: "Make each hard link a file of its own; the files share their data.")
  var noHardLinks = false

  @Option(
    help: ArgumentHelp(
      "With several sources: oci lets .wh.NAME remove NAME of earlier ones, as in image layers.",
      valueName: "style"),
    transform: {
      guard let style = Whiteouts(rawValue: $0) else {
        throw ValidationError("--whiteouts knows one style: oci.")
      }
      return style
    })
  var whiteouts: Whiteouts?

  /// - Parameter readsFiles: whether to read `--exclude-from`; not while checking arguments.
  func selection(readsFiles: Bool = false) throws -> Selection {
    var selection = Selection()
    if stripComponents != "auto" {
      guard let count = Int(stripComponents), (0...4096).contains(count) else {
        throw ValidationError("--strip-components takes auto or a number.")
      }
      selection.stripping = .components(count)
    }
    selection.rootBecomes = try Self.components(rootBecomes, "--root-becomes")
    selection.prefix = try Self.components(prefix, "--prefix")
    selection.excludes = exclude.map { SelectionPattern(Glob($0.bytes), .exclude) }
    selection.includes = include.map { SelectionPattern(Glob($0.bytes), .include) }
    if readsFiles {
      for file in excludeFrom { selection.excludes += try PatternFile.read(file.bytes) }
    }
    return selection
  }

  static func components(_ path: ByteArgument?, _ option: String) throws -> [[UInt8]] {
    guard let path else { return [] }
    guard let components = Selection.components(ofUserPath: path.bytes) else {
      throw ValidationError(
        "\(option) takes a path of up to 4,095 bytes without \"..\" and names of up to 255.")
    }
    return components
  }
}
