import FileTrees
import Posix
import TreeModel

/// Writes a tree as an mtree(5) specification, one entry per line, for bsdtar and others to read.
public struct ManifestWriter {
  /// The facts about the image in a comment at the top.
  public struct ImageFacts: Sendable {
    public var name: [UInt8]
    public var size: UInt64
    public var digest: ImageDigest

    public init(name: [UInt8], size: UInt64, digest: ImageDigest) {
      self.name = name
      self.size = size
      self.digest = digest
    }

    /// Reads the whole file.
    ///
    /// - Throws: `SourceError` if it cannot be read.
    public init(ofImage path: [UInt8], name: some Sequence<UInt8>) throws {
      let (digest, size) = try SHA256.of(file: path)
      self.init(name: Array(name), size: size, digest: ImageDigest(digest))
    }
  }

  static let sizeKey = "# image-size: "
  /// Names of one file share a tag: no keyword that all readers accept expresses that.
  static let linksLine = "# Names with a tag in common are hard links."
  static let linkTag = "tags=link"

  private let source: DigestedTree

  public init(_ source: DigestedTree) { self.source = source }

  /// Writes everything, piece by piece.
  ///
  /// - Parameter image: `nil` for a tree outside any image.
  public func write(
    image: ImageFacts?, to output: (String) throws -> Void
  ) rethrows {
    var text = "#mtree\n\(Self.linksLine)\n"
    if let image {
      text += "# Files of \(Self.escape(image.name)), written by autosquash.\n"
      text += "# Checked by: autosquash verify --manifest FILE IMAGE\n"
      text += "\(Self.sizeKey)\(image.size)\n\(image.digest.line)\n"
    }
    let tree = source.tree
    // Our own numbers, so that it does not matter where the tree comes from.
    var numbers: [Int: Int] = [:]
    try TreeLines(tree).visit { node, path in
      // bsdtar would take it for a file; it holds nothing anyway.
      if tree[tree.inode(of: node)].kind == .socket { text += "# A socket, left out: " }
      text += path.isEmpty ? "." : "./\(Self.escape(path))"
      let inode = tree.inode(of: node)
      appendKeywords(of: inode, to: &text)
      if tree[inode].kind != .directory && tree[inode].links > 1 {
        let number = numbers[inode.index] ?? numbers.count + 1
        numbers[inode.index] = number
        text += " nlink=\(tree[inode].links) \(Self.linkTag)\(number)"
      }
      text += "\n"
      if text.utf8.count > 60_000 {
        try output(text)
        text.removeAll(keepingCapacity: true)
      }
    }
    try output(text)
  }

  private func appendKeywords(of id: Tree.InodeID, to text: inout String) {
    let inode = source.tree[id]
    let attributes = inode.attributes
    text += " type=\(inode.kind.type.word)"
    text += " mode=\(String(attributes.permissions, radix: 8).leftPadded(to: 4, with: "0"))"
    text += " uid=\(attributes.uid) gid=\(attributes.gid) time=\(attributes.modified).0"
    switch inode.kind {
    case .regular(let content):
      if let content = source.content(content) {
        if let size = content.size { text += " size=\(size)" }
        if let digest = content.digest { text += " sha256digest=\(digest.hexadecimal)" }
      }
    case .symlink(let target): text += " link=\(Self.escape(source.tree.target(target)))"
    case .blockDevice(let device), .characterDevice(let device):
      text += " device=native,\(device.major),\(device.minor)"
    case .directory, .fifo, .socket: break
    }
  }

  /// Escapes all but plain characters as a backslash and three octal digits, like vis(3).
  static func escape(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "#"), UInt8(ascii: "\\"), UInt8(ascii: "="), UInt8(ascii: "*"),
        UInt8(ascii: "?"), UInt8(ascii: "["):
        text += "\\" + String(byte, radix: 8).leftPadded(to: 3, with: "0")
      case 0x21...0x7e: text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "\\" + String(byte, radix: 8).leftPadded(to: 3, with: "0")
      }
    }
    return text
  }
}

/// The nodes of a tree with their paths, each directory before its contents, names in byte
/// order.
struct TreeLines {
  private let tree: Tree
  private let listing: Tree.Listing

  init(_ tree: Tree) {
    self.tree = tree
    listing = tree.listing()
  }

  func visit(_ body: (Tree.NodeID, [UInt8]) throws -> Void) rethrows {
    try body(tree.root, [])
    var stack: [(node: Tree.NodeID, pathCount: Int)] = []
    func push(_ directory: Tree.NodeID, _ pathCount: Int) {
      for child in listing.children(of: directory).reversed() { stack.append((child, pathCount)) }
    }
    push(tree.root, 0)
    var path: [UInt8] = []
    while let (node, pathCount) = stack.popLast() {
      path.removeSubrange(pathCount...)
      if !path.isEmpty { path.append(pathSeparator) }
      path.append(contentsOf: tree.name(of: node))
      try body(node, path)
      if tree.isDirectory(node) { push(node, path.count) }
    }
  }
}
