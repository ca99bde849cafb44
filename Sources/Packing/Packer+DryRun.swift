package import FileTrees
import Posix
import TreeModel

/// Lists what would be packed.
extension Packer {
  /// A path that would be packed or left out.
  package enum Candidate {
    case taken(path: [UInt8], isDirectory: Bool)
    case leftOut(path: ArraySlice<UInt8>, reason: String)
  }

  /// The result of a dry run.
  package struct DryRun {
    /// The number of files that would be packed.
    package fileprivate(set) var files = 0
    package fileprivate(set) var directories = 0
    package let notes: AssemblyNotes
    package let sources: SourceSummary
  }

  /// Reads the sources' names and makes nothing.
  ///
  /// - Parameter report: called with each exclusion as soon as it is known, then with what would
  ///   be packed, in tree order.
  package func list(_ report: @escaping (Candidate) -> Void) throws -> DryRun {
    try refuseDereferencing()
    var layers = SourceLayers(options.assembly, whiteouts: options.whiteouts)
    var summary = SourceSummary()
    layers.reportReplacement = { report(.leftOut(path: $0[...], reason: replacement)) }
    for input in inputs {
      let assembler = TreeAssembler(
        input.options(options.assembly, whiteouts: options.whiteouts), content: nil)
      assembler.reportExclusion = { report(.leftOut(path: $0, reason: $1)) }
      try summary.add(input.open(options), assembler, to: &layers)
    }
    let tree = layers.finish().tree
    let listing = tree.listing()
    var result = DryRun(notes: notes(of: layers, tree), sources: summary)
    var stack = Array(listing.children(of: tree.root).reversed())
    while let node = stack.popLast() {
      let isDirectory = tree.isDirectory(node)
      report(.taken(path: tree.path(of: node), isDirectory: isDirectory))
      if isDirectory { result.directories += 1 } else { result.files += 1 }
      if isDirectory { stack.append(contentsOf: listing.children(of: node).reversed()) }
    }
    return result
  }
}
