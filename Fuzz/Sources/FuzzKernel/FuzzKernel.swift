import FileTrees
import FuzzSupport
import Glibc
import SquashFS
import SquashFSFormat
import TreeModel

/// Gives the kernel blocks that no library writes, and whole images with a flipped bit: if the
/// kernel cannot read something, `verify` must not call it intact, and what both read must be the
/// same. Needs root.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  var chance = Chance(input)
  let kind = Int(input.first ?? 0) % (codecs.count + 1)
  if kind < codecs.count { compareBlocks(codecs[kind], &chance) } else { compareImages(&chance) }
  return 0
}

/// With FUZZ_ALL=FOLDER, reports all differences, even blocks that only the kernel reads, and keeps
/// their bytes there; otherwise the first important one ends the fuzzer.
private let folder = getenv("FUZZ_ALL").map { String(cString: $0) }

private func report(_ text: String, _ bytes: [UInt8], isFailure: Bool) {
  guard isFailure || folder != nil else { return }
  var name = ""
  if let folder {
    name = "\(folder)/\(bytes.hashValue.magnitude)"
    let file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    precondition(file >= 0 && write(file, bytes, bytes.count) == bytes.count)
    close(file)
  }
  let line = "FuzzKernel: \(text): \(bytes.count) bytes \(name)\n"
  _ = line.withCString { write(2, $0, strlen($0)) }
  precondition(folder != nil, "the kernel and verify do not agree")
}

private let codecs: [CompressorID] = [.zstd, .xz, .gzip, .lz4, .lzo]

// MARK: Blocks

private let changes = 100

private func compareBlocks(_ codec: CompressorID, _ chance: inout Chance) {
  let log = 12 + chance.number(below: chance.once(in: 4) ? 9 : 3)
  let blockSize = 1 << log
  let size = chance.once(in: 2) ? blockSize : 1 + chance.number(below: blockSize)
  let original = chance.content(size)
  guard let block = PackedBlock(original, codec, blockSize: blockSize, &chance) else { return }
  var blocks: [[UInt8]] = []
  let most = min(changes, max(8, (8 << 20) / block.bytes.count))
  while blocks.count < most {
    let changed = block.changed(&chance)
    if !changed.isEmpty && changed.count <= blockSize { blocks.append(changed) }
  }
  guard let kernel = KernelMount(image(of: blocks, size, log, codec)) else {
    fatalError("the kernel does not mount an image with \(codec) blocks")
  }
  var start = 0
  for (index, block) in blocks.enumerated() {
    // On its own, but where it was in its page.
    let (isWhole, content, reason) = judged(
      image(of: [block], size, log, codec, behind: start % 4096))
    start += block.count
    let read = kernel.read(name(index))
    let text = "\(codec), \(size) of \(blockSize)"
    switch read {
    case nil where isWhole: report("\(text): only verify takes it", block, isFailure: true)
    case .some(let read) where !isWhole:
      let same = content == nil ? "unread" : content == read ? "same" : "other"
      report("\(text): only Linux takes it (\(same)): \(reason)", block, isFailure: false)
    case .some(let read) where read != content:
      let kind = content == original ? "ours" : read == original ? "the kernel's" : "neither"
      report("\(text): another content, original is \(kind)", block, isFailure: true)
    default: break
    }
  }
}

private func name(_ index: Int) -> String { "file\(10_000 + index)" }

/// One file per block, all of the same size; unrelated bytes may come before them.
private func image(
  of blocks: [[UInt8]], _ size: Int, _ log: Int, _ codec: CompressorID, behind gap: Int = 0
) -> [UInt8] {
  var image = CraftedImage()
  image.data = [UInt8](repeating: 0, count: gap)
  image.compressor = codec
  image.blockLog = UInt16(log)
  if codec == .lz4 { image.options = [1, 0, 0, 0, 0, 0, 0, 0] }
  var entries: [CraftedImage.Entry] = []
  for (index, block) in blocks.enumerated() {
    let number = UInt32(index + 2)
    let start = image.addBlock(block)
    let inode = image.addFile(
      number, at: start, size: UInt64(size), blocks: [UInt32(block.count)])
    entries.append(CraftedImage.Entry(name: name(index), inode: inode, number: number, type: 2))
  }
  let root = image.addDirectory(1, entries)
  return image.build(root: root)
}

/// `verify`'s result for an image, and the content of its first file if we can read it.
private func judged(_ image: [UInt8]) -> (isWhole: Bool, content: [UInt8]?, reason: String) {
  let file = image.withUnsafeBytes { MemoryFile($0) }
  guard let report = try? Verifier(ImageInput(path: file.path)).run() else {
    return (false, nil, "cannot be judged")
  }
  let content = try? firstFile(ImageInput(path: file.path))
  return (report.isWhole, content, report.findings.first?.message ?? "")
}

private func firstFile(_ input: ImageInput) throws -> [UInt8]? {
  let image = try Image(input)
  var entries = try image.entries(of: image.root())
  guard let entry = try entries.next() else { return nil }
  var blocks = try image.blocks(of: image.inode(at: entry.inode))
  guard case .block(let place, let size) = try blocks.next() else { return nil }
  let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: image.superblock.blockSize.byteCount, alignment: 16)
  defer { buffer.deallocate() }
  let count = try image.makeUnpacker().unpack(place, into: buffer)
  return count == size ? Array(buffer[..<count]) : nil
}

// MARK: Images

private func compareImages(_ chance: inout Chance) {
  var options = ImageWriter.Options()
  let methods: [Compression.Method] = [.zstd, .zstd, .lz4, .gzip, .xz]
  options.compression = Compression(methods[chance.number(below: methods.count)], level: nil)!
  options.blockSize = BlockSize(byteCount: 4096)!
  options.exportable = chance.once(in: 2)
  options.layout = chance.once(in: 2) ? .front : .standard
  var assembly = TreeAssembler.Options()
  assembly.ownership.owner = .keep
  guard
    let packed = try? PackedImage(options, assembly, read: { try addTree(to: $0, &chance) }),
    let original = bytes(of: packed.path)
  else { fatalError("a small tree cannot be packed") }
  for _ in 0..<40 {
    var image = original
    // A few bits at most: any fault has one cause.
    let used = 96 + chance.number(below: original.count - 96)
    image[used] ^= 1 << UInt8(chance.number(below: 8))
    let file = image.withUnsafeBytes { MemoryFile($0) }
    guard let verdict = try? Verifier(ImageInput(path: file.path)).run(), verdict.isWhole else {
      continue
    }
    if KernelMount(image)?.readAll() != true {
      report(
        "\(options.compression.method), byte \(used): only verify takes it", image,
        isFailure: true)
    }
  }
}

private func bytes(of path: [UInt8]) -> [UInt8]? {
  guard let input = try? ImageInput(path: path) else { return nil }
  var bytes = [UInt8](repeating: 0, count: Int(input.length))
  return (try? bytes.withUnsafeMutableBytes { try input.read($0, at: 0) }) == nil ? nil : bytes
}

/// Adds data for every table, enough for blocks that compress.
private func addTree(to sink: any EntrySink, _ chance: inout Chance) throws {
  func attributes() -> Attributes {
    Attributes(
      permissions: 0o755, uid: UInt32(chance.number(below: 30)), gid: 0,
      modified: Int64(chance.number(below: 1 << 30)))
  }
  for folder in 0..<3 {
    let parent = "folder\(folder)"
    try sink.add(TreeEntry(path: Array(parent.utf8), kind: .directory, attributes: attributes())) {
      _ in
    }
    for file in 0..<10 {
      var entry = TreeEntry(
        path: Array("\(parent)/file\(file)".utf8), kind: .regular(size: nil),
        attributes: attributes())
      entry.xattrs = [
        ExtendedAttribute(
          name: Array("user.note".utf8), value: Array("what\(file) there is to be said".utf8))
      ]
      let content = chance.content(chance.number(below: 10_000))
      try sink.add(entry) { sink in try content.withUnsafeBytes { try sink.append($0) } }
    }
    try sink.add(
      TreeEntry(
        path: Array("\(parent)/link".utf8),
        kind: .symlink(target: chance.content(200).map { $0 | 1 }),
        attributes: attributes())
    ) { _ in }
  }
}
