/// unsquashfs's listing of an image.
public struct Listing {
  public struct Entry: Equatable {
    /// As in `ls -l`: "-rw-r--r--".
    public var mode: String
    /// For example "0/0".
    public var owner: String
    public var size: String
    /// For example "2020-09-13 12:26".
    public var modified: String
    public var target: String
  }

  /// By path, "" for the root.
  public var entries: [String: Entry] = [:]

  /// - Throws: `ToolFailure` if unsquashfs rejects the image.
  public init(of image: String) throws {
    let result = try Tool.check(["env", "TZ=UTC", "LC_ALL=C", "unsquashfs", "-lln", image])
    for line in result.text.split(separator: "\n") {
      guard let start = line.range(of: "squashfs-root"),
        line.first.map({ "-dlbcps".contains($0) }) == true
      else { continue }
      let fields = line[..<start.lowerBound].split(separator: " ")
      guard fields.count >= 5 else { continue }
      var path = line[start.upperBound...].drop { $0 == "/" }
      var target = ""
      if fields[0].first == "l", let arrow = path.range(of: " -> ") {
        target = String(path[arrow.upperBound...])
        path = path[..<arrow.lowerBound]
      }
      entries[String(path)] = Entry(
        mode: String(fields[0]), owner: String(fields[1]),
        size: fields[2..<(fields.count - 2)].joined(separator: " "),
        modified: fields.suffix(2).joined(separator: " "), target: target)
    }
  }

  public subscript(path: String) -> Entry? { entries[path] }

  /// The paths in order, without the root.
  public var paths: [String] { entries.keys.filter { !$0.isEmpty }.sorted() }
}

extension Substring {
  /// The first occurrence of `text`.
  fileprivate func range(of text: String) -> Range<Substring.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}

/// The content of a file in an image, as unsquashfs reads it.
public func content(of path: String, in image: String) throws -> [UInt8] {
  try Tool.check(["unsquashfs", "-cat", image, path]).output
}
