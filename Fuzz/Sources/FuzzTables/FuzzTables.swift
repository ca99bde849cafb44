import FuzzSupport
import SquashFS

/// Superblock and tables: everything that a mount and a listing read.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let file = MemoryFile(UnsafeRawBufferPointer(start: start, count: count))
  var options = Verifier.Options()
  options.isQuick = true
  _ = try? Verifier(ImageInput(path: file.path), options: options).run()
  return 0
}
