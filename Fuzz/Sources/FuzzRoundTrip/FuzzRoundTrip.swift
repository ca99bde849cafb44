import FileTrees
import FuzzSupport
import SquashFS
import SquashFSFormat
import TreeModel

/// The input encodes a tree and options in few bytes; `pack` must make an intact image of it with
/// the same tree.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  var recipe = Recipe(UnsafeRawBufferPointer(start: start, count: count))
  var options = ImageWriter.Options()
  // Use slow codecs rarely: a fuzzer wants many runs.
  let methods: [Compression.Method] = [.none, .none, .lz4, .none, .lz4, .gzip, .zstd, .xz]
  let method = methods[recipe.number(below: methods.count)]
  options.compression = Compression(
    method, level: nil, filters: method == .xz ? recipe.filters() : [])!
  options.blockSize = BlockSize(byteCount: 4096 << recipe.number(below: 3))!
  options.exportable = recipe.flag()
  options.probes = recipe.flag()
  options.layout = recipe.flag() ? .front : .standard
  options.threads = 1 + recipe.number(below: 2)
  var assembly = TreeAssembler.Options()
  assembly.ownership.owner = .keep
  if recipe.flag() { assembly.order = AccessOrder(parsing: recipe.bytes(below: 64)) }
  let packed = try? PackedImage(options, assembly) { sink in
    while !recipe.isEmpty { try recipe.addEntry(to: sink) }
  }
  packed?.prove()
  return 0
}

/// Numbers, flags and bytes from the fuzzer's input.
private struct Recipe {
  private var rest: Slice<UnsafeRawBufferPointer>
  private var written: UInt64 = 0
  private var paths: Set<[UInt8]> = []
  private var files: [[UInt8]] = []
  private var directories: [[UInt8]] = [[]]

  init(_ input: UnsafeRawBufferPointer) { rest = input[...] }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }
  mutating func flag() -> Bool { byte() & 1 == 1 }
  mutating func number(below limit: Int) -> Int { (byte() << 8 | byte()) % limit }

  mutating func bytes(below limit: Int) -> [UInt8] {
    let count = number(below: limit)
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func name() -> [UInt8] {
    let count = byte()
    // Many names in one directory, with arbitrary bytes.
    if count < 128 { return Array("\(count)-\(byte())".utf8) }
    return bytes(below: 256).map { $0 == 0 || $0 == UInt8(ascii: "/") ? 1 : $0 }
  }

  mutating func addEntry(to sink: any EntrySink) throws {
    let parent = directories[number(below: directories.count)]
    let name = name()
    guard !name.isEmpty, name != Array(".".utf8), name != Array("..".utf8) else { return }
    let path = parent.isEmpty ? name : parent + [UInt8(ascii: "/")] + name
    // Replaced entries leave gaps, which are not faults.
    guard path.count < 4000, paths.insert(path).inserted else { return }
    var entry = TreeEntry(
      path: path, kind: .fifo,
      attributes: Attributes(
        permissions: UInt16(number(below: 4096)), uid: UInt32(byte()), gid: UInt32(byte() % 3),
        modified: Int64(number(below: 65536))))
    if flag() {
      entry.xattrs = [
        ExtendedAttribute(
          name: Array("user.".utf8) + [97 + UInt8(byte() % 20)], value: bytes(below: 300))
      ]
    }
    switch byte() % 16 {
    case 0: entry.kind = .fifo
    case 1: entry.kind = .socket
    case 2:
      let target = bytes(below: 400).map { $0 == 0 ? 1 : $0 }
      entry.kind = .symlink(target: target.isEmpty ? Array("t".utf8) : target)
    case 3:
      entry.kind = .characterDevice(
        DeviceNumber(major: UInt32(number(below: 4096)), minor: UInt32(number(below: 65536))))
    case 4:
      entry.kind = .blockDevice(
        DeviceNumber(major: UInt32(number(below: 4096)), minor: UInt32(number(below: 65536))))
    case 5 where !files.isEmpty:
      entry.kind = .hardLink(target: files[number(below: files.count)], hasContent: false)
    case 6, 7, 8:
      entry.kind = .directory
    default:
      entry.kind = .regular(size: nil)
    }
    var parts = entry.kind == .regular(size: nil) ? 1 + byte() % 4 : 0
    try sink.add(entry) { content in
      while parts > 0 {
        parts -= 1
        try addPart(to: content)
      }
    }
    if entry.kind == .directory { directories.append(path) } else { files.append(path) }
  }

  /// A few bytes, a run of them over several blocks, machine code, or a hole.
  private mutating func addPart(to content: any ContentSink) throws {
    guard written < 2 << 20 else { return }
    switch byte() % 5 {
    case 0:
      let hole = UInt64(number(below: 65536))
      written += hole
      try content.addHole(hole)
    case 1:
      let unit = bytes(below: 8)
      let count = number(below: 40_000)
      written += UInt64(count)
      let run = [UInt8](repeating: 0, count: count)
      let filled = run.indices.map {
        unit.isEmpty ? UInt8(truncatingIfNeeded: $0 &* 7) : unit[$0 % unit.count]
      }
      try filled.withUnsafeBytes { try content.append($0) }
    case 2:
      let code = calls()
      written += UInt64(code.count)
      try code.withUnsafeBytes { try content.append($0) }
    default:
      try bytes(below: 600).withUnsafeBytes { try content.append($0) }
    }
  }

  // MARK: Machine code

  mutating func filters() -> CodeFilters {
    CodeFilters(rawValue: UInt32(byte())).intersection(.writable)
  }

  /// Calls of one function from many places, so that a filter pays, with bytes of the input between
  /// them.
  private mutating func calls() -> [UInt8] {
    let processor = byte() % 4
    let function = number(below: 65536) & ~3
    let between = bytes(below: 16)
    let count = number(below: 2000)
    var code: [UInt8] = []
    for _ in 0..<count {
      code += between
      let distance = UInt32(truncatingIfNeeded: function - code.count)
      switch processor {
      case 0: code += [0xe8] + Self.little(distance &- 5)
      case 1: code += Self.little(0xeb00_0000 | (distance &- 8) >> 2 & 0xff_ffff)
      case 2: code += Self.little(0x9400_0000 | distance >> 2 & 0x3ff_ffff)
      default: code += Self.little((0x4800_0001 | distance & 0x3ff_fffc).byteSwapped)
      }
    }
    return code
  }

  private static func little(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
