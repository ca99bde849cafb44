import FileTrees
import Glibc
import Manifests
import Posix
import SquashFS
import TreeModel

/// An image made from a source, in a file without a name.
package struct PackedImage {
  package let path: [UInt8]
  /// What was packed.
  package let tree: DigestedTree
  private let file: AtomicFile

  /// - Parameter read: delivers the entries.
  package init(
    _ options: ImageWriter.Options, _ assembly: TreeAssembler.Options,
    read: (any EntrySink) throws -> Void
  ) throws {
    file = try AtomicFile(
      path: HostPath("/dev/shm/autosquash-fuzz-\(getpid())"), replacing: true)
    path = Array("/proc/self/fd/\(file.descriptor)".utf8)
    let writer = try ImageWriter(file, options: options)
    let digests = DigestSink(writer.content)
    let assembler = TreeAssembler(assembly, content: digests)
    try read(assembler)
    let tree = try assembler.finish()
    _ = try writer.finish(tree, modified: assembler.newestTime)
    self.tree = DigestedTree(tree, digests)
  }

  /// Ends the fuzzer if the image is damaged or differs from what was packed.
  package func prove() {
    do {
      let report = try Verifier(ImageInput(path: path)).run()
      // A replaced member of an archive leaves a gap; some filters need newer kernels.
      let odd = report.findings.filter {
        $0.severity != .note && $0.kind != .gap && ($0.kind, $0.severity) != (.kernel, .warning)
      }
      precondition(odd.isEmpty, "what pack made is not whole: \(odd)")
      let found = DigestSink()
      var options = TreeAssembler.Options()
      options.ownership.owner = .keep
      let assembler = TreeAssembler(options, content: found)
      try ImageSource(Image(ImageInput(path: path)), threads: 1).read(into: assembler)
      let read = DigestedTree(try assembler.finish(), found)
      _ = TreeComparison(tree, read).run { fatalError("not what went in: \($0.text)") }
    } catch {
      fatalError("what pack made cannot be read: \(error)")
    }
  }
}
