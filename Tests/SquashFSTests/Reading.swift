import Extraction
import FileTrees
import Glibc
import Inputs
import Manifests
import Posix
import SquashFSFormat
import TestSupport
import TreeModel

@testable import SquashFS
@testable import autosquash

/// A way to read a whole image in this process, so that its work can be counted.
enum Reading: String, CaseIterable, Sendable {
  /// As `verify` does.
  case verify
  /// As `extract --keep-going` does: the tree, and the blocks of each file, past any damage.
  case walk
  /// As `manifest` and `diff` do.
  case contents
  /// As `extract --to-tar` does.
  case archive
  /// As `cat '**'` does: all names, and where links lead.
  case names

  /// Reads the image to its end, or until it is refused.
  ///
  /// - Returns: the work it took.
  func effort(of path: String) throws -> Effort {
    if self == .verify { return Effort(work: try SquashFSTests.verify(path).work) }
    let image = try Image(ImageInput(path: Array(path.utf8)))
    var pathBytes = 0
    do {
      switch self {
      case .verify: break
      case .walk: pathBytes = try walk(image)
      case .contents:
        let sink = CountingSink()
        defer { pathBytes = sink.pathBytes }
        try ImageSource(image, threads: 2).read(into: sink)
      case .archive:
        var filter = PathFilter([]) { _ in false }
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        var options = TarExporter.Options()
        options.threads = 2
        let exporter = try TarExporter(
          image, to: null, path: Array("/dev/null".utf8), options)
        _ = try exporter.run(&filter)
        try exporter.finish()
      case .names:
        for match in try PathPattern.find(Array("**".utf8), in: image, followsLast: true) {
          pathBytes += match.path.count
          guard match.inode.record.type == .symlink else { continue }
          _ = try image.lookup(match.path, followsLast: true, isFurther: true)
        }
      }
    } catch is ImageReadError {
      // The work until then counts.
    }
    return Effort(work: image.work, pathBytes: UInt64(pathBytes))
  }

  private func walk(_ image: Image) throws -> Int {
    image.readMetadataAhead()
    var pathBytes = 0
    var walk = try TreeWalk(image, from: image.root())
    while true {
      do throws(ImageReadError) {
        guard let node = try walk.next() else { return pathBytes }
        pathBytes += try image.entry(of: node.inode, path: node.path).pathBytes
        guard node.inode.record.type == .file else { continue }
        var blocks = try image.blocks(of: node.inode)
        while !blocks.isDone { _ = try? blocks.next() }
      } catch {
        continue
      }
    }
  }
}

/// Accepts all entries and keeps none.
private final class CountingSink: EntrySink {
  var pathBytes = 0
  private let content = DigestSink()

  func leavesOut(_ path: [UInt8]) -> Bool { false }

  func add(_ entry: TreeEntry, content read: (any ContentSink) throws -> Void) throws -> Bool {
    pathBytes += entry.pathBytes
    guard case .regular(let size) = entry.kind else { return true }
    try content.begin(size: size)
    try read(content)
    _ = try content.end()
    return true
  }
}

extension TreeEntry {
  /// The bytes of its path and target.
  fileprivate var pathBytes: Int {
    switch kind {
    case .symlink(let target), .hardLink(let target, _): path.count + target.count
    default: path.count
    }
  }
}
