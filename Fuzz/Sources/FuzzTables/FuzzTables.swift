import FuzzSupport
import SquashFS

/// Superblock and tables: everything read by a mount, a listing, and `info --cost`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let file = MemoryFile(UnsafeRawBufferPointer(start: start, count: count))
  var options = Verifier.Options()
  options.isQuick = true
  _ = try? Verifier(ImageInput(path: file.path), options: options).run()
  if let image = try? Image(ImageInput(path: file.path)) {
    let model = BucketModel(partSize: 5 << 20, parallelParts: 2, latency: 0.03, rate: 125e6)
    let meter = CostMeter(image, model)
    _ = try? meter.mount()
    _ = try? meter.list([], isDeep: true)
    _ = try? meter.read([Array("a".utf8), Array("d/b".utf8), Array("d/e/file1".utf8)])
  }
  return 0
}
