import FuzzSupport
import SquashFS

/// An entry of a listing, as a mount has answered.
struct MountedEntry {
  var name: [UInt8]
  var number: UInt64
  var next: UInt64
  /// The node's number; 0 if only number and type are known.
  var node: UInt64 = 0

  /// All entries of an answer, which ends the fuzzer if it is not well formed.
  static func parse(_ bytes: [UInt8], isPlus: Bool) -> [MountedEntry] {
    var entries: [MountedEntry] = []
    var place = 0
    while place < bytes.count {
      let node = isPlus ? bytes.number(place, UInt64.self) : 0
      let own = place + (isPlus ? 128 : 0)
      precondition(own + 24 <= bytes.count)
      let count = Int(bytes.number(own + 16, UInt32.self))
      precondition(count > 0 && own + 24 + count <= bytes.count)
      let name = Array(bytes[own + 24..<own + 24 + count])
      precondition(!name.contains(0) && !name.contains(UInt8(ascii: "/")))
      entries.append(
        MountedEntry(
          name: name, number: bytes.number(own, UInt64.self),
          next: bytes.number(own + 8, UInt64.self), node: node))
      place = own + (24 + count + 7) / 8 * 8
    }
    return entries
  }
}

extension PlainAnswer {
  private static var mostEntries: Int { 1000 }

  /// Goes through a directory with answers of several sizes, and compares.
  func checkListing(of node: UInt64, _ client: FuseClient) {
    let expected = listing(of: node, most: Self.mostEntries)
    for (size, isPlus) in [(4096, false), (700, false), (4096, true)] as [(UInt32, Bool)] {
      var found: [MountedEntry] = []
      var offset: UInt64 = 0
      while found.count < Self.mostEntries {
        let body =
          FuseClient.bytes(0 as UInt64, offset, size, 0 as UInt32)
          + FuseClient.bytes(0 as UInt64, 0 as UInt64)
        let answer = client.ask(isPlus ? .listPlus : .list, node, body)
        precondition(answer.bytes.count <= Int(size))
        if answer.error != 0 {
          precondition(!expected.isWhole, "a listing fails, but not that of a plain reader")
          break
        }
        let more = MountedEntry.parse(answer.bytes, isPlus: isPlus)
        guard let last = more.last else {
          precondition(!expected.isWhole || found.count == expected.names.count, "half a listing")
          break
        }
        found += more
        offset = last.next
      }
      let names = found.map(\.name)
      // A damaged listing ends for both at the same place.
      precondition(
        names.prefix(expected.names.count).elementsEqual(expected.names.prefix(names.count)),
        "another listing")
    }
  }
}
