import FileTrees
import FuzzSupport
import SquashFS
import SquashFSFormat

/// Reads an archive as `pack` does; if it is accepted, the image must be intact and equal.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let file = MemoryFile(UnsafeRawBufferPointer(start: start, count: count))
  var options = ImageWriter.Options()
  options.compression = Compression(.none)!
  options.blockSize = BlockSize(byteCount: 4096)!
  var assembly = TreeAssembler.Options()
  assembly.stripsSingleTop = true
  let limit = LimitedSink.mostBytes
  var reading = ArchiveSource.Options()
  reading.ignoresZeros = count % 2 == 0
  let packed = try? PackedImage(options, assembly) { sink in
    try ArchiveSource(path: file.path, options: reading).read(into: LimitedSink(sink, limit: limit))
  }
  packed?.prove()
  return 0
}
