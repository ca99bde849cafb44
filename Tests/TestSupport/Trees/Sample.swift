import Posix
import TreeModel

/// An entry of a tree on one line, for tables of cases:
///
///     d bin mode=755
///     f bin/run hello owner=0:0 time=1 x:user.note=1
///     l latest -> bin/run
///     h other = bin/run
///     c null 1,3
///
/// `b` and `c` are devices, `p` a fifo, `s` a socket.
public struct Sample: Sendable {
  public let path: [UInt8]
  private let kind: Character
  private var text: [UInt8] = []
  private var attributes: Attributes
  private var xattrs: [ExtendedAttribute] = []

  /// - Parameter line: words separated by single spaces.
  public init(_ line: String) {
    var words = line.split(separator: " ")[...]
    kind = words.removeFirst().first!
    path = Array(words.removeFirst().utf8)
    attributes = Attributes(
      permissions: kind == "d" ? 0o755 : kind == "l" ? 0o777 : 0o644, uid: 1000, gid: 1000,
      modified: 1_600_000_000)
    for word in words where word != "->" && word != "=" {
      let parts = word.split(separator: "=", maxSplits: 1)
      switch parts.first {
      case "mode": attributes.permissions = UInt16(parts[1], radix: 8)!
      case "owner":
        let numbers = parts[1].split(separator: ":").map { UInt32($0)! }
        (attributes.uid, attributes.gid) = (numbers[0], numbers[1])
      case "time": attributes.modified = parts[1] == "?" ? .min : Int64(parts[1])!
      case let name? where name.hasPrefix("x:"):
        xattrs.append(
          ExtendedAttribute(name: Array(name.dropFirst(2).utf8), value: Array(parts[1].utf8)))
      default: text = Array(word.utf8)
      }
    }
  }

  /// The entry as a source would deliver it.
  public var entry: TreeEntry {
    TreeEntry(path: path, kind: entryKind, attributes: attributes, xattrs: xattrs)
  }

  private var entryKind: TreeEntry.Kind {
    switch kind {
    case "d": .directory
    case "f": .regular(size: UInt64(text.count))
    case "l": .symlink(target: text)
    case "h": .hardLink(target: text, hasContent: false)
    case "b": .blockDevice(device)
    case "c": .characterDevice(device)
    case "p": .fifo
    default: .socket
    }
  }

  private var device: DeviceNumber {
    let numbers = text.split(separator: UInt8(ascii: ",")).map {
      UInt32(String(decoding: $0, as: UTF8.self))!
    }
    return DeviceNumber(major: numbers[0], minor: numbers[1])
  }

  /// Delivers samples in order, as a source does.
  public static func deliver(_ lines: [String], to sink: any EntrySink) throws {
    for sample in lines.map(Sample.init) {
      if try sink.leavesOut(sample.path) { continue }
      try sink.add(sample.entry) { content in
        try sample.text.withUnsafeBytes { try content.append($0) }
      }
    }
  }
}

/// The facts in a line besides kind and path.
public enum Fact: Sendable, CaseIterable {
  case mode, owner, time, xattrs
}

extension Tree {
  /// The entries as sample lines, sorted by path, without the root.
  ///
  /// - Parameters:
  ///   - contents: the contents of files, by number.
  ///   - showsRoot: whether to add a line for the root.
  public func lines(
    _ contents: [[UInt8]] = [], _ facts: Set<Fact> = [], showsRoot: Bool = false
  ) -> [String] {
    let listing = listing()
    var directories = [root]
    var nodes: [(path: [UInt8], node: NodeID)] = []
    while let directory = directories.popLast() {
      for node in listing.children(of: directory) {
        nodes.append((path(of: node), node))
        if isDirectory(node) { directories.append(node) }
      }
    }
    nodes.sort { $0.path.lexicographicallyPrecedes($1.path) }
    if showsRoot { nodes.insert((Array(".".utf8), root), at: 0) }
    var firstPaths: [Int: [UInt8]] = [:]
    return nodes.map { path, node in
      let id = inode(of: node)
      let first = firstPaths[id.index]
      firstPaths[id.index] = first ?? path
      return line(of: self[id], path, first, contents) + text(of: self[id], facts)
    }
  }

  private func line(
    of inode: Inode, _ path: [UInt8], _ first: [UInt8]?, _ contents: [[UInt8]]
  ) -> String {
    let name = path.escapedName
    if let first { return "h \(name) = \(first.escapedName)" }
    switch inode.kind {
    case .directory: return "d \(name)"
    case .regular(let id):
      let content = Int(id.number) < contents.count ? contents[Int(id.number)] : []
      return "f \(name)" + (content.isEmpty ? "" : " \(content.escapedName)")
    case .symlink(let reference): return "l \(name) -> \(target(reference).escapedName)"
    case .blockDevice(let device): return "b \(name) \(device.major),\(device.minor)"
    case .characterDevice(let device): return "c \(name) \(device.major),\(device.minor)"
    case .fifo: return "p \(name)"
    case .socket: return "s \(name)"
    }
  }

  private func text(of inode: Inode, _ facts: Set<Fact>) -> String {
    let attributes = inode.attributes
    var text = ""
    if facts.contains(.mode) { text += " mode=\(String(attributes.permissions, radix: 8))" }
    if facts.contains(.owner) { text += " owner=\(attributes.uid):\(attributes.gid)" }
    if facts.contains(.time) { text += " time=\(attributes.modified)" }
    if facts.contains(.xattrs), let set = inode.xattrs {
      for attribute in xattrSets[set.index] {
        text += " x:\(attribute.name.escapedName)=\(attribute.value.escapedName)"
      }
    }
    return text
  }
}
