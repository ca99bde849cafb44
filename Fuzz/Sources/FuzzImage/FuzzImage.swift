import FileTrees
import FuzzSupport
import Manifests
import SquashFS

/// Verifies a whole image, and reads it to its last byte as `extract` does.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let file = MemoryFile(UnsafeRawBufferPointer(start: start, count: count))
  let report = try? Verifier(ImageInput(path: file.path)).run()
  do {
    let assembler = TreeAssembler(TreeAssembler.Options(), content: DigestSink())
    try ImageSource(Image(ImageInput(path: file.path)), threads: 1).read(into: assembler)
    _ = try assembler.finish()
  } catch {
    // The assembler refuses names that an image must not have.
    precondition(
      report?.isWhole != true || !(error is ImageReadError), "whole, but cannot be read: \(error)")
  }
  return 0
}
