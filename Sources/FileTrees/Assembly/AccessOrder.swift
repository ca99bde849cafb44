import Posix

/// Paths in the order in which a program reads them, so that their data can lie side by side.
public struct AccessOrder: Sendable {
  private var ranks: [[UInt8]: UInt32] = [:]

  public init() {}

  public var isEmpty: Bool { ranks.isEmpty }

  /// The number of different paths.
  var count: Int { ranks.count }

  /// - Parameter list: paths in the image, separated by newlines, or by NUL bytes if there are any;
  ///   a directory stands for its contents. The first mention of a path counts.
  public init(parsing list: [UInt8]) {
    let separator: UInt8 = list.contains(0) ? 0 : UInt8(ascii: "\n")
    for line in list.split(separator: separator) {
      guard let components = Selection.components(ofUserPath: Array(line)), !components.isEmpty
      else { continue }
      let path = components.joinedPath
      if ranks[path] == nil { ranks[path] = UInt32(clamping: ranks.count) }
    }
  }

  /// All paths, in order.
  public var paths: [[UInt8]] { ranks.sorted { $0.value < $1.value }.map(\.key) }

  /// The position of a path, or of the nearest directory above it in the list.
  func rank(of path: ArraySlice<UInt8>) -> UInt32? {
    var path = path
    while !path.isEmpty {
      if let rank = ranks[Array(path)] { return rank }
      guard let slash = path.lastIndex(of: pathSeparator) else { return nil }
      path = path[..<slash]
    }
    return nil
  }
}
