import Automount
import FuzzSupport
import Glibc
import Posix

/// Parses a configuration and a key, as autofs passes it, separated by a NUL.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  var configuration = Configuration()
  do throws(ConfigurationError) {
    configuration = try Configuration(parsing: Array(parts[0]), path: "conf")
  } catch {
    precondition(!error.description.contains("\n"), "a log line of several")
  }
  guard parts.count == 2, let key = try? MapKey(Array(parts[1])) else { return 0 }
  for name in key.candidates(suffixes: configuration.suffixes) {
    precondition(!name.isEmpty && name.count <= 255 && !name.contains(UInt8(ascii: "/")))
  }
  // Never look for images where the fuzzer says: it could hang there.
  let images: HostPath = "/dev/shm/autosquash-fuzz-images"
  let url = BucketFolder(Array("s3://bucket/folder".utf8))!.url(of: RelativePath([key.name]))
  precondition(
    MapEntry(askingToMount: ImageURL(url), options: configuration.options).bytes
      .count { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == 0 } == 2)
  let query = MapQuery(configuration: configuration, images: images, program: "/map")
  if let entry = try? query.answer(key, at: .top) {
    fatalError("an image out of nothing: \(entry.bytes)")
  }
  if let entry = MapEntry(
    mounting: images.appending(key.name),
    type: MapEntry.MountType(configuration), options: configuration.options)
  {
    precondition(!entry.bytes.contains { $0 == UInt8(ascii: "\n") || $0 == 0 })
    precondition(entry.bytes.filter { $0 == UInt8(ascii: "\"") }.count == 2)
    precondition(entry.bytes.last == UInt8(ascii: "\""))
  }
  return 0
}
