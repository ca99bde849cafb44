import FileTrees
import Posix
import TreeModel

/// Writes a tree as one self-contained page for a web browser: a tree to unfold, with a
/// search.
public struct HTMLPage {
  private let source: DigestedTree
  private let title: [UInt8]
  private let image: ManifestWriter.ImageFacts?

  public init(_ source: DigestedTree, title: [UInt8], image: ManifestWriter.ImageFacts?) {
    self.source = source
    self.title = title
    self.image = image
  }

  /// `page.html`, with three placeholders.
  ///
  /// Its script builds a directory's rows when the user opens it, 500 at a time, so that a hundred
  /// thousand entries open at once; a click on a file shows its mode, owner and SHA-256. `#q=WORD`
  /// in the address searches for a word.
  private static var template: String {
    String(decoding: PackageResources.page_html, as: UTF8.self)
  }

  /// The image's facts from a page, if it is an image's.
  ///
  /// - Returns: `nil` for any other file, or none.
  public static func image(of path: [UInt8]) -> ManifestReader.Image? {
    guard let input = try? FileInput(path: path) else { return nil }
    var head: [UInt8] = []
    while head.count < 64 << 10, let bytes = try? input.next(), !bytes.isEmpty { head += bytes }
    let text = String(decoding: head.prefix(64 << 10), as: UTF8.self)
    // A title cannot end its own heading, so this is the first place of these words.
    guard let heading = text.firstRange(of: "</h1>\n<p>") else { return nil }
    let line = text[heading.upperBound...].prefix { !$0.isNewline }
    guard line.hasSuffix("</p>"), let end = line.firstRange(of: " bytes, "),
      let size = UInt64(line[..<end.lowerBound]),
      let digest = ImageDigest(markup: line[end.upperBound...].dropLast(4))
    else { return nil }
    return ManifestReader.Image(size: size, digest: digest)
  }

  /// Writes everything, piece by piece.
  public func write(to output: (String) throws -> Void) rethrows {
    let facts = image.map {
      "<p>\($0.size) bytes, \($0.digest.markup)</p>\n"
    }
    // Find the placeholders before filling them in: names can be anything.
    let parts = Self.template.split(separator: "/* ROWS */", maxSplits: 1)
    var text = String(parts[0]).replacing("<!-- IMAGE -->", with: facts ?? "")
      .replacing("TITLE", with: Self.escape(title.escapedName))
    try appendRows(&text, output)
    try output(text + String(parts[1]))
  }

  /// The entries as rows of a JSON array: parent's row, name, type, mode, owner, time, size, and
  /// further details.
  private func appendRows(_ text: inout String, _ output: (String) throws -> Void) rethrows {
    let tree = source.tree
    var rows = [Int](repeating: 0, count: tree.nodeCount)
    var count = 0
    try TreeLines(tree).visit { node, path in
      let inode = tree[tree.inode(of: node)]
      rows[node.index] = count
      text += count == 0 ? "\n[-1," : ",\n[\(rows[tree.parent(of: node).index]),"
      count += 1
      text += Self.quote(path.isEmpty ? "" : tree.name(of: node).escapedName)
      text += ",\"\(inode.kind.type.word)\""
      text += ",\"\(String(inode.attributes.permissions, radix: 8).leftPadded(to: 4, with: "0"))\""
      text += ",\"\(inode.attributes.uid):\(inode.attributes.gid)\",\(inode.attributes.modified)"
      var size: UInt64 = 0
      var detail = ""
      switch inode.kind {
      case .regular(let id):
        let content = source.content(id)
        size = content?.size ?? 0
        detail = content?.digest?.hexadecimal ?? ""
      case .symlink(let target): detail = tree.target(target).escapedName
      case .blockDevice(let device), .characterDevice(let device):
        detail = "\(device.major),\(device.minor)"
      case .directory, .fifo, .socket: break
      }
      text += ",\(size),\(Self.quote(detail))]"
      if text.utf8.count > 60_000 {
        try output(text)
        text.removeAll(keepingCapacity: true)
      }
    }
  }

  /// Escapes text between tags, scalar by scalar: one character can hold a `<` among others.
  private static func escape(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;".unicodeScalars
      case "<": escaped += "&lt;".unicodeScalars
      case ">": escaped += "&gt;".unicodeScalars
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }

  /// A JSON string that cannot end its own script. The text is already escaped for terminals and
  /// has no control characters.
  private static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "<": quoted += "\\u003c"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
