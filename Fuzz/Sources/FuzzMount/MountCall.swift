import FuzzSupport

/// A call as the kernel makes it.
struct MountCall {
  var operation: FuseClient.Operation
  var node: UInt64
  var body: [UInt8] = []
  var user: UInt32 = 0
  var isInterrupted = false
  // What the body says.
  var name: [UInt8] = []
  var offset: UInt64 = 0
  var size: UInt32 = 0
  var whence: UInt32 = 0
}

/// Takes calls from the end of an input.
struct CallDecoder {
  private var rest: ArraySlice<UInt8>
  private let nodes: [UInt64]
  private let names: [[UInt8]]

  /// - Parameters:
  ///   - nodes: of the image.
  ///   - names: of the image's entries and attributes.
  init(_ bytes: UnsafeRawBufferPointer, _ nodes: [UInt64], _ names: [[UInt8]]) {
    rest = Array(bytes.suffix(1024))[...]
    self.nodes = nodes
    self.names = names
  }

  mutating func next() -> MountCall? {
    guard rest.count >= 4, let kind = rest.popLast() else { return nil }
    let flags = byte()
    var call = MountCall(operation: .attributes, node: node())
    call.user = flags & 1 == 0 ? 0 : 1000
    call.isInterrupted = flags & 6 == 6
    switch kind % 10 {
    case 0:
      call.operation = .lookup
      call.name = name()
      call.body = call.name + [0]
    case 1: call.body = [UInt8](repeating: 0, count: 16)
    case 2: call.operation = .target
    case 3, 4: describe(&call, as: .read)
    case 5: describe(&call, as: .list)
    case 6: describe(&call, as: .listPlus)
    case 7:
      call.operation = .seek
      call.offset = number()
      call.whence = UInt32(flags % 8)
      call.body = FuseClient.bytes(0 as UInt64, call.offset, call.whence, 0 as UInt32)
    case 8:
      call.size = size()
      call.operation = flags & 8 == 0 ? .xattr : .xattrs
      call.body = FuseClient.bytes(call.size, 0 as UInt32)
      if call.operation == .xattr {
        call.name = name()
        call.body += call.name + [0]
      }
    default: call.operation = .statistics
    }
    return call
  }

  private mutating func describe(_ call: inout MountCall, as operation: FuseClient.Operation) {
    call.operation = operation
    call.offset = number()
    call.size = size()
    call.body =
      FuseClient.bytes(0 as UInt64, call.offset, call.size, 0 as UInt32)
      + FuseClient.bytes(0 as UInt64, 0 as UInt64)
  }

  private mutating func byte() -> UInt8 { rest.popLast() ?? 0 }

  private mutating func node() -> UInt64 {
    let choice = byte()
    return choice < 224 ? nodes[Int(choice) % nodes.count] : number()
  }

  /// A name of the image, or a piece of the input.
  private mutating func name() -> [UInt8] {
    let choice = byte()
    if choice < 192, !names.isEmpty { return names[Int(choice) % names.count] }
    let count = Int(choice % 64) * 8
    let piece = rest.suffix(count).filter { $0 != 0 }
    rest = rest.dropLast(count / 8)
    return Array(piece)
  }

  /// Any number; a small one more often.
  private mutating func number() -> UInt64 {
    let count = Int(byte() % 9)
    var number: UInt64 = 0
    for _ in 0..<count { number = number << 8 | UInt64(byte()) }
    return number
  }

  private mutating func size() -> UInt32 { UInt32(truncatingIfNeeded: number()) }
}
