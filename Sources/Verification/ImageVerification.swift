package import FileTrees
import Glibc
package import Inputs
import Manifests
import Posix
package import SquashFS
package import TreeModel

/// The verification of one image: that it is intact and has the right contents.
package struct ImageVerification {
  /// What to verify, and what to compare the contents with.
  package struct Options {
    /// Where the image starts in its file.
    package var offset = ImageOffset.start
    package var verifier = Verifier.Options()
    /// The sources of the image; if there are none, they are not compared.
    package var sources: [PlacedSource] = []
    /// How to combine their trees; called when they are read.
    package var assembly: () throws -> TreeAssembler.Options = { TreeAssembler.Options() }
    package var archives = ArchiveSource.Options()
    package var directories = DirectorySource.Options()
    package var whiteouts: Whiteouts?
    /// A manifest to compare with.
    package var manifest: [UInt8]?
    /// Whether each difference becomes a finding, rather than lines that may stand for many.
    package var findsDifferences = false
    /// Called about each oddity of a file.
    package var warn: (_ path: [UInt8], _ text: String) -> Void = { _, _ in }
    /// Called with what a user may have forgotten.
    package var advise: (String) -> Void = { _ in }
    /// Called for the image and for each source before it is read; its result receives the
    /// progress.
    package var progress: ((_ path: [UInt8]) -> ProgressReport)?

    package init() {}
  }

  /// The result.
  package struct Result {
    package var report: Verifier.Report
    /// What the contents were compared with.
    package var comparisons: [ContentComparison]
  }

  /// Something to compare with could not be read.
  package struct UnreadableOther: Error {
    package let path: [UInt8]
    package let reason: any Error
    /// Whether the image had proved intact before.
    package let isImageWhole: Bool
  }

  private let image: [UInt8]
  private let options: Options

  package init(of image: [UInt8], _ options: Options) {
    self.image = image
    self.options = options
  }

  /// Reads the whole image and what it is compared with.
  ///
  /// - Throws: `UnreadableOther`, and errors of reading the image.
  package func run() throws -> Result {
    let input = try options.offset.input(image)
    let verifier = Verifier(input, options: options.verifier)
    if let report = options.progress?(image) {
      verifier.onProgress = { fraction, bytes in report(bytes, fraction) }
    }
    var report = try verifier.run()
    if options.offset == .start { explainForeignFile(&report) }
    var comparisons: [ContentComparison] = []
    if report.isWhole || report.isOnlyUnmountable { comparisons = try compare(&report) }
    try input.checkUnchanged(path: image)
    return Result(report: report, comparisons: comparisons)
  }

  /// Explains what a file is that does not begin like an image.
  private func explainForeignFile(_ report: inout Verifier.Report) {
    guard
      let index = report.findings.firstIndex(where: { $0.kind == .superblock && $0.offset == 0 }),
      report.isNoImage || FileKind(of: image) != nil
    else { return }
    let error = ImageReadError(.damaged, at: 0, report.findings[index].message)
    let explained = ImageOpener.explained(error, image)
    report.findings[index].message = explained.message
    report.isNoImage = report.isNoImage || explained.code == .notAnImage
  }

  /// Compares the contents with the sources and the manifest, if any.
  private func compare(_ report: inout Verifier.Report) throws -> [ContentComparison] {
    guard !options.sources.isEmpty || options.manifest != nil else { return [] }
    var reading = TreeInput.Options()
    reading.threads = options.verifier.threads
    reading.offset = options.offset
    reading.progress = options.progress
    reading.embeddedImageHint = "verify does not read images inside other files"
    reading.assembly.xattrs = .all
    reading.digests = options.manifest == nil ? .dataAndHoles : .bytes
    let tree = try TreeInput(image, offset: options.offset).read(reading)
    reading.offset = .start
    var comparisons: [ContentComparison] = []
    if !options.sources.isEmpty {
      comparisons.append(try compareWithSources(tree, reading, &report))
    }
    if let manifest = options.manifest {
      comparisons.append(try compare(tree, withManifest: manifest, &report))
    }
    return comparisons
  }

  private func compareWithSources(
    _ tree: DigestedTree, _ reading: TreeInput.Options, _ report: inout Verifier.Report
  ) throws -> ContentComparison {
    let sources = options.sources
    let name = Array(sources.map(\.path).joined(separator: Array(" + ".utf8)))
    var reading = reading
    reading.assembly = try options.assembly()
    reading.archives = options.archives
    reading.directories = options.directories
    reading.warn = { options.warn(name, $0) }
    let expected = try other(name, report) {
      try TreeInput.read(sources, reading, whiteouts: options.whiteouts)
    }
    var comparison = ContentComparison(with: sources.map(\.path), isManifest: false)
    comparison.run(
      expected, tree, image: image, findsAll: options.findsDifferences,
      limit: options.verifier.maxFindings, &report)
    if comparison.onlyOwnersDiffer {
      options.advise(
        reading.assembly.ownership.owner == .root
          ? "only owners differ; was it packed with another --ownership? Give it here too."
          : "only owners differ: the files of the source have other owners")
    }
    return comparison
  }

  private func compare(
    _ tree: DigestedTree, withManifest path: [UInt8], _ report: inout Verifier.Report
  ) throws -> ContentComparison {
    let limit = options.verifier.maxFindings
    let (reader, expected) = try other(path, report) {
      try ObjectPipe.withPath(of: path) { path in
        var reader = try ManifestReader(path: path)
        let tree = try reader.read()
        return (reader, tree)
      }
    }
    var comparison = ContentComparison(with: [path], isManifest: true)
    // First, because it explains all others.
    comparison.isOfOtherImage = try isOfOtherImage(reader, path, &report)
    comparison.run(
      expected, tree, image: image, findsAll: options.findsDifferences, limit: limit, &report)
    if comparison.isOfOtherImage && comparison.count == 0 {
      report.add(
        Finding(
          .note, .difference,
          "all its files are equal: it was packed again, or only padding or extended attributes "
            + "changed, which a manifest does not record"),
        limit: limit)
    }
    if expected.unknown.contains(.content) {
      report.add(
        Finding(
          .unreadable, .difference,
          "\(path.escapedName) has no SHA-256 for some files: their contents could not be compared"
        ),
        limit: limit)
    }
    return comparison
  }

  private func other<R>(
    _ path: [UInt8], _ report: Verifier.Report, _ body: () throws -> R
  ) throws -> R {
    do { return try body() } catch {
      throw UnreadableOther(path: path, reason: error, isImageWhole: report.isWhole)
    }
  }

  /// The image's own digest reveals changes that no file shows.
  private func isOfOtherImage(
    _ manifest: ManifestReader, _ path: [UInt8], _ report: inout Verifier.Report
  ) throws -> Bool {
    guard let expected = manifest.image else { return false }
    let (digest, size) = try ObjectPipe.withPath(of: image) {
      try expected.digest.same(ofFile: $0)
    }
    guard digest != expected.digest else { return false }
    let what = expected.size == size ? "SHA-256" : "size and SHA-256"
    report.add(
      Finding(
        .error, .difference,
        "\(path.escapedName) does not belong to this image: it was written for one with another "
          + what),
      limit: options.verifier.maxFindings)
    return true
  }
}
