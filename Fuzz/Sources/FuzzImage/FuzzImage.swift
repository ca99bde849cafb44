import FileTrees
import FuzzSupport
import Manifests
import SquashFS

/// A whole image: verified, and read to its last byte as `extract` does.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let file = MemoryFile(UnsafeRawBufferPointer(start: start, count: count))
  let report = try? Verifier(ImageInput(path: file.path)).run()
  do {
    let assembler = TreeAssembler(TreeAssembler.Options(), content: DigestSink())
    try ImageSource(Image(ImageInput(path: file.path)), threads: 1).read(into: assembler)
    _ = try assembler.finish()
  } catch {
    // Names that an image may not have are for the assembler to refuse.
    precondition(
      report?.isWhole != true || !(error is ImageReadError), "whole, but cannot be read: \(error)")
  }
  return 0
}
