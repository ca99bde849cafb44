import FuzzSupport
import Glibc
import ImageMount
import Posix
import SquashFS
import Synchronization

/// An image, mounted, and at its end calls that are made at the same time. Each must be answered, with
/// what another reader of the image finds.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  let file = MemoryFile(bytes)
  guard let plain = try? Image(ImageInput(path: file.path)),
    let image = try? Image(ImageInput(path: file.path)),
    let mounted = try? MountedImage(image, log: { _ in })
  else { return 0 }
  do {
    let oracle = try PlainAnswer(plain)
    let client = try FuseClient()
    let session = try FuseSession(options: MountOptions(source: [97], allowsOthers: false, []))
    try session.mount(on: client.folder)
    let beginning = client.begin()
    let ended = Atomic(0)
    try session.serve(mounted) { ended.add(1, ordering: .releasing) }
    precondition(client.answer(to: beginning).error == 0)
    var decoder = CallDecoder(bytes, oracle.nodes, oracle.names)
    var calls: [(call: MountCall, number: UInt64)] = []
    while calls.count < 64, let call = decoder.next() {
      calls.append((call, client.send(call.operation, call.node, call.body, user: call.user)))
      if call.isInterrupted, let last = calls.last { client.interrupt(last.number) }
    }
    for (call, number) in calls {
      let answer = client.answer(to: number)
      oracle.check(answer, to: call)
    }
    for node in oracle.directories { oracle.checkListing(of: node, client) }
    client.disconnect()
    while ended.load(ordering: .acquiring) < mounted.threads { usleep(50) }
    session.close()
  } catch { fatalError("\(error)") }
  return 0
}
