import FileTrees
import Manifests
import TestSupport

extension DigestedTree {
  /// The tree of some samples.
  init(_ lines: [String]) throws {
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    options.ownership.keepsSetID = true
    options.xattrs = .all
    let sink = DigestSink()
    let assembler = TreeAssembler(options, content: sink)
    try Sample.deliver(lines, to: assembler)
    self.init(try assembler.finish(), sink)
  }

  /// The tree described by a manifest.
  init(manifest text: String) throws {
    let file = MemoryFile(Array(text.utf8))
    var reader = try ManifestReader(path: file.path)
    self = try reader.read()
  }

  /// As `ManifestWriter` writes it.
  func manifest(image: ManifestWriter.ImageFacts? = nil) -> String {
    var text = ""
    ManifestWriter(self).write(image: image) { text += $0 }
    return text
  }
}
