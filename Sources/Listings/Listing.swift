package import Inputs
package import Posix
package import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// Writes the lines of `ls`.
package struct Listing: ~Copyable {
  private let image: Image
  private let options: Options
  private let complaint: (String) -> Void
  private var output: StandardOutput
  private var times: TimeFormat
  private var isFirst = true
  /// Whether anything could not be shown.
  package private(set) var hasFailed = false

  private struct Row {
    var name: [UInt8]
    var inode: ImageInode?
  }

  /// A directory whose subdirectories are listed one after the other.
  private struct Level {
    var cursor: DirectoryCursor
    var path: [UInt8]
    /// The subdirectories in an order other than the cursor's, the last one first.
    var sorted: [DirectoryCursor.Entry]?

    mutating func next() throws(ImageReadError) -> DirectoryCursor.Entry? {
      sorted == nil ? try cursor.next() : sorted!.popLast()
    }
  }

  /// The most rows to align with each other; more would take unbounded memory.
  private static let mostRows = 50_000

  /// - Parameters:
  ///   - output: where the lines go.
  ///   - complaint: called with messages about what cannot be shown.
  package init(
    _ image: Image, _ options: Options, output: consuming StandardOutput,
    complaint: @escaping (String) -> Void
  ) {
    self.image = image
    self.options = options
    self.output = output
    self.complaint = complaint
    times = TimeFormat(isFull: options.hasFullTimes)
  }

  /// Lists files, and the contents of directories.
  package mutating func list(_ matches: [PathPattern.Match], showsHeaders: Bool) throws {
    if options.isJSON { try output.write("[") }
    let isContents = { [options] (match: PathPattern.Match) in
      match.inode.record.type == .directory && !options.showsDirectoriesThemselves
    }
    var matches = matches
    if options.dereferences {
      for index in matches.indices {
        matches[index].inode = followed(matches[index].inode, matches[index].path)
      }
    }
    matches = options.order?.sorted(matches) { $0.inode } ?? matches
    try print(
      matches.filter { !isContents($0) }.map {
        Row(name: $0.path.isEmpty ? [UInt8(ascii: ".")] : $0.path, inode: $0.inode)
      }, in: [])
    for match in matches where isContents(match) {
      try listDirectory(match.inode, match.path, showsHeader: showsHeaders)
      if options.isRecursive { try descend(from: match.inode, match.path) }
    }
    if options.isJSON { try output.write(isFirst ? "]\n" : "\n]\n") }
    try output.flush()
  }

  /// Lists a directory's contents, without recursing.
  private mutating func listDirectory(
    _ directory: ImageInode, _ path: [UInt8], showsHeader: Bool
  ) throws {
    if showsHeader && !options.isJSON {
      if !isFirst { try output.write("\n") }
      try output.write(name: path.isEmpty ? [UInt8(ascii: ".")] : path)
      try output.write(":\n")
      isFirst = false
    }
    var rows: [Row] = []
    var order = options.order
    do throws(ImageReadError) {
      var cursor = try image.entries(of: directory)
      while let entry = try cursor.next() {
        if isHidden(entry.name) { continue }
        do throws(ImageReadError) {
          let isFollowed = options.dereferences && entry.type == .symlink
          let needsInode = options.isLong || options.isJSON || isFollowed || order?.key != nil
          var row = Row(
            name: entry.name, inode: needsInode ? try image.inode(at: entry.inode) : nil)
          if isFollowed, let inode = row.inode {
            row.inode = followed(inode, Self.join(path, entry.name))
          }
          rows.append(row)
        } catch {
          complain(Self.join(path, entry.name), "\(error)")
        }
        if order != nil && rows.count > ListOrder.most {
          complain(path, "more than \(ListOrder.most.grouped) names: not sorted")
          order = nil
        }
        if order == nil && rows.count >= Self.mostRows { flush(&rows, path) }
      }
    } catch {
      // Show what could be read.
      complain(path, "\(error)")
    }
    if let order { rows = order.sorted(rows) { $0.inode } }
    flush(&rows, path)
    if let failure { throw failure }
  }

  /// What a link leads to; the link itself, with a complaint, if that is not in the image.
  private mutating func followed(_ inode: ImageInode, _ path: [UInt8]) -> ImageInode {
    guard inode.record.type == .symlink else { return inode }
    do throws(ImageReadError) {
      let found = try image.lookup(path, followsLast: true, isFurther: true)
      if case .success(let inode) = found { return inode }
      complaint(PathPattern.failure(path, found))
      hasFailed = true
    } catch {
      complain(path, "\(error)")
    }
    return inode
  }

  private var targetBytes: UInt64 = 0

  /// A write error, kept where only read errors are expected.
  private var failure: (any Error)?

  private mutating func flush(_ rows: inout [Row], _ path: [UInt8]) {
    do { try print(rows, in: path) } catch { failure = failure ?? error }
    rows.removeAll(keepingCapacity: true)
  }

  private func isHidden(_ name: [UInt8]) -> Bool {
    name.first == UInt8(ascii: ".") && !options.showsAll && !options.isJSON
  }

  /// Lists the directories below a directory in the order of ls(1).
  private mutating func descend(from top: ImageInode, _ topPath: [UInt8]) throws {
    var visited = InodeSet(upTo: image.superblock.inodeCount)
    _ = visited.insert(top.record.number)
    var listings = ListingBudget(image)
    var stack = [try level(top, topPath, &listings, held: 0)]
    while !stack.isEmpty {
      let parent = stack[stack.count - 1].path
      var path = parent
      do throws(ImageReadError) {
        guard let entry = try stack[stack.count - 1].next() else {
          stack.removeLast()
          continue
        }
        if stack[stack.count - 1].sorted == nil {
          do throws(ImageReadError) { try listings.take(stack[stack.count - 1].cursor) } catch {
            return complain(parent, "\(error)")
          }
        }
        guard entry.type == .directory, !isHidden(entry.name) else { continue }
        path = Self.join(parent, entry.name)
        guard path.count <= EffortBudget.longestPath else {
          complain(parent, "a path of more than \(EffortBudget.longestPath) bytes below this")
          continue
        }
        let inode = try image.inode(at: entry.inode)
        guard visited.insert(inode.record.number) else {
          complain(path, "the directory is in the tree twice, or contains itself")
          continue
        }
        let held = stack.reduce(0) { $0 + ($1.sorted?.count ?? 0) }
        let level = try level(inode, path, &listings, held: held)
        guard stack.count < LinuxLimits.mostLevels else {
          return complain(path, "directories are nested too deep")
        }
        do { try listDirectory(inode, path, showsHeader: true) } catch { failure = error }
        stack[stack.count - 1].cursor.suspend()
        stack.append(level)
      } catch {
        // If the directory itself is damaged, the listing above has said so.
        if path != parent { complain(path, "\(error)") } else { stack.removeLast() }
      }
      if let failure { throw failure }
    }
  }

  /// A directory whose subdirectories will be listed.
  ///
  /// - Parameter held: the number of directories waiting on all levels before.
  private func level(
    _ directory: ImageInode, _ path: [UInt8], _ listings: inout ListingBudget, held: Int
  ) throws(ImageReadError) -> Level {
    let level = Level(cursor: try image.entries(of: directory), path: path)
    guard let order = options.order else { return level }
    var cursor = level.cursor
    var found: [(entry: DirectoryCursor.Entry, inode: ImageInode?)] = []
    // If it is damaged, its own listing will say so.
    while let entry = try? cursor.next() {
      try listings.take(cursor)
      guard entry.type == .directory, !isHidden(entry.name) else { continue }
      found.append((entry, order.key == nil ? nil : try? image.inode(at: entry.inode)))
      if held + found.count > ListOrder.most { return level }
    }
    var sorted = level
    sorted.sorted = order.sorted(found) { $0.inode }.map(\.entry).reversed()
    return sorted
  }

  private static func join(_ path: [UInt8], _ name: [UInt8]) -> [UInt8] {
    path.joined(to: name)
  }

  private mutating func complain(_ path: [UInt8], _ text: String) {
    complaint("\(path.isEmpty ? "/" : path.escapedName): \(text)")
    hasFailed = true
  }

  private mutating func print(_ rows: [Row], in path: [UInt8]) throws {
    if options.isJSON {
      for row in rows { try printJSON(row, Self.join(path, row.name)) }
    } else if options.isLong {
      try printLong(rows, in: path)
    } else if let columns = options.columns, rows.count > 1 {
      try printColumns(rows, width: columns)
    } else {
      for row in rows {
        try output.write(name: row.name)
        try output.write("\n")
        isFirst = false
      }
    }
  }

  private mutating func printColumns(_ rows: [Row], width: Int) throws {
    let names = rows.map { $0.name.escapedName }
    let column = (names.map(\.count).max() ?? 0) + 2
    let across = max(1, width / column)
    let down = (names.count + across - 1) / across
    for line in 0..<down {
      var text = ""
      for index in stride(from: line, to: names.count, by: down) {
        text += names[index]
        if index + down < names.count {
          text += String(repeating: " ", count: column - names[index].count)
        }
      }
      try output.write(text + "\n")
    }
    isFirst = false
  }

  /// The widths of numeric columns.
  private struct Widths {
    var links = 1
    var uid = 1
    var gid = 1
    var size = 1
    var major = 0
    var minor = 0
  }

  private func widths(of rows: [Row]) -> Widths {
    var widths = Widths()
    for row in rows {
      guard let inode = row.inode, let attributes = try? image.attributes(of: inode) else {
        continue
      }
      widths.links = max(widths.links, UInt64(inode.record.links).digitCount)
      widths.uid = max(widths.uid, UInt64(attributes.uid).digitCount)
      widths.gid = max(widths.gid, UInt64(attributes.gid).digitCount)
      if case .device(let number) = inode.record.body {
        let device = DeviceNumber(stored: number)
        widths.major = max(widths.major, UInt64(device.major).digitCount)
        widths.minor = max(widths.minor, UInt64(device.minor).digitCount)
      } else if options.isHumanReadable {
        widths.size = max(widths.size, LongFormat.human(Self.size(of: inode)).utf8.count)
      } else {
        widths.size = max(widths.size, Self.size(of: inode).digitCount)
      }
    }
    if widths.major > 0 {
      // "7, 300" takes the place of the size.
      widths.size = max(widths.size, widths.major + 2 + widths.minor)
      widths.major = widths.size - 2 - widths.minor
    }
    return widths
  }

  /// Owner, mode and time; `nil`, with a complaint, if they are unreadable.
  private mutating func attributes(of row: Row, _ path: [UInt8]) -> Attributes? {
    guard let inode = row.inode else { return nil }
    do throws(ImageReadError) {
      return try image.attributes(of: inode)
    } catch {
      complain(Self.join(path, row.name), "\(error)")
      return nil
    }
  }

  private mutating func printLong(_ rows: [Row], in path: [UInt8]) throws {
    let widths = widths(of: rows)
    let space = UInt8(ascii: " ")
    for row in rows {
      guard let inode = row.inode, let attributes = attributes(of: row, path) else { continue }
      try output.write(LongFormat.mode(inode.record.type, inode.record.permissions))
      output.write(byte: space)
      output.write(UInt64(inode.record.links), width: widths.links)
      output.write(byte: space)
      output.write(UInt64(attributes.uid), width: widths.uid)
      output.write(byte: space)
      output.write(UInt64(attributes.gid), width: widths.gid)
      output.write(byte: space)
      if case .device(let number) = inode.record.body {
        let device = DeviceNumber(stored: number)
        output.write(UInt64(device.major), width: widths.major)
        try output.write(", ")
        output.write(UInt64(device.minor), width: widths.minor)
      } else if options.isHumanReadable {
        try output.write(LongFormat.human(Self.size(of: inode)).leftPadded(to: widths.size))
      } else {
        output.write(Self.size(of: inode), width: widths.size)
      }
      output.write(byte: space)
      try output.write(times.bytes(inode.record.modified))
      output.write(byte: space)
      try output.write(name: row.name)
      if inode.record.type == .symlink {
        try output.write(" -> ")
        try output.write(name: target(of: inode, Self.join(path, row.name)) ?? Array("?".utf8))
      }
      output.write(byte: UInt8(ascii: "\n"))
      isFirst = false
    }
  }

  /// The target of a link; `nil`, with a complaint, if it is unreadable.
  private mutating func target(of inode: ImageInode, _ path: [UInt8]) -> [UInt8]? {
    do throws(ImageReadError) {
      if inode.record.links <= 1 { targetBytes += Self.size(of: inode) }
      guard image.canHave(inodeBytes: targetBytes) else {
        throw ImageReadError(.damaged, "a symbolic link that shares its target with others")
      }
      return try image.target(of: inode)
    } catch {
      complain(path, "\(error)")
      return nil
    }
  }

  /// The value in the size column.
  static func size(of inode: ImageInode) -> UInt64 {
    switch inode.record.body {
    case .file(let file): file.size
    case .directory(let directory): UInt64(directory.storedSize)
    case .symlink(let targetSize): UInt64(targetSize)
    case .ipc, .device: 0
    }
  }

  private mutating func printJSON(_ row: Row, _ path: [UInt8]) throws {
    guard let inode = row.inode, let attributes = attributes(of: row, []) else { return }
    var members: [(String, JSON)] = [
      ("path", .name(path)), ("type", .string(inode.record.type.word)),
      ("mode", .string(String(inode.record.permissions, radix: 8).leftPadded(to: 4, with: "0"))),
      ("uid", JSON(attributes.uid)), ("gid", JSON(attributes.gid)),
      ("modified", JSON(attributes.modified)), ("inode", JSON(inode.record.number)),
      ("links", JSON(inode.record.links)),
    ]
    switch inode.record.body {
    case .file(let file): members.append(("size", JSON(file.size)))
    case .symlink: members.append(("target", .name(target(of: inode, path) ?? [])))
    case .device(let number):
      let device = DeviceNumber(stored: number)
      members.append(("device", .string("\(device.major),\(device.minor)")))
    case .directory, .ipc: break
    }
    try output.write(isFirst ? "\n" : ",\n")
    try output.write(JSON.object(members).text)
    isFirst = false
  }
}
