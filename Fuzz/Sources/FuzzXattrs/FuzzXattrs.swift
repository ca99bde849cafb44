import FileTrees
import FuzzSupport
import Manifests
import SquashFS
import TreeModel

/// A good image with the input as its table of extended attributes; its first bytes say where.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard count > 2 else { return 0 }
  let input = UnsafeRawBufferPointer(start: start, count: count)
  let place = UInt64(input.loadUnaligned(as: UInt16.self).littleEndian)
  let table = UnsafeRawBufferPointer(rebasing: input[2...])
  var image = Template.image
  // In the superblock: the flag for an image without attributes, its end, the table's position.
  let end = UInt64(image.count)
  image[24...].withUnsafeMutableBytes { bytes in bytes[1] &= ~2 }
  image.store(end + UInt64(table.count), at: 40)
  image.store(end + place % UInt64(table.count), at: 56)
  // The table's blocks have positions in the image; those in the input count from its start.
  let file = image.withUnsafeBytes { MemoryFile($0) }
  file.append(table)
  var options = Verifier.Options()
  options.isQuick = true
  _ = try? Verifier(ImageInput(path: file.path), options: options).run()
  if let image = try? Image(ImageInput(path: file.path)) {
    let assembler = TreeAssembler(TreeAssembler.Options(), content: DigestSink())
    try? ImageSource(image, threads: 1).read(into: assembler)
  }
  return 0
}

/// An image with one file that has a set of attributes.
private enum Template {
  static let image: [UInt8] = {
    var options = ImageWriter.Options()
    options.compression = Compression(.none)!
    let packed = try! PackedImage(options, TreeAssembler.Options()) { sink in
      let attributes = Attributes(permissions: 0o644, uid: 0, gid: 0, modified: 0)
      try sink.add(
        TreeEntry(
          path: Array("file".utf8), kind: .regular(size: 0), attributes: attributes,
          xattrs: [ExtendedAttribute(name: Array("user.a".utf8), value: [1])])
      ) { _ in }
    }
    let input = try! ImageInput(path: packed.path)
    var superblock = [UInt8](repeating: 0, count: 96)
    try! superblock.withUnsafeMutableBytes { try input.read($0, at: 0) }
    // Without the table itself, whose header gives its start.
    let header = superblock.number(at: 56)
    var pairs = [UInt8](repeating: 0, count: 8)
    try! pairs.withUnsafeMutableBytes { try input.read($0, at: header) }
    var bytes = [UInt8](repeating: 0, count: Int(pairs.number(at: 0)))
    try! bytes.withUnsafeMutableBytes { try input.read($0, at: 0) }
    return bytes
  }()
}

extension [UInt8] {
  fileprivate func number(at offset: Int) -> UInt64 {
    withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
  }

  fileprivate mutating func store(_ number: UInt64, at offset: Int) {
    withUnsafeMutableBytes {
      $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
  }
}
