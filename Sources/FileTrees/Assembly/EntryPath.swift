import Posix

/// An entry's path split without copying: its components that are not empty and not ".".
struct EntryPath {
  private(set) var bytes: [UInt8] = []
  private(set) var components: [Range<Int>] = []
  /// Whether the path began with a slash.
  private(set) var isAbsolute = false

  enum Problem: Error {
    case parentReference
    case nulByte
    case nameTooLong
  }

  /// Takes the next path, reusing the storage.
  mutating func parse(_ path: [UInt8]) throws(Problem) {
    bytes.removeAll(keepingCapacity: true)
    components.removeAll(keepingCapacity: true)
    isAbsolute = path.isAbsolutePath
    var start = 0
    for end in 0...path.count {
      if end < path.count {
        guard path[end] != 0 else { throw .nulByte }
        guard path[end] == pathSeparator else { continue }
      }
      let component = path[start..<end]
      start = end + 1
      if component.isEmpty || component.elementsEqual([UInt8(ascii: ".")]) { continue }
      if component.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
        throw .parentReference
      }
      guard component.count <= LinuxLimits.longestName else { throw .nameTooLong }
      if !components.isEmpty { bytes.append(pathSeparator) }
      components.append(bytes.count..<bytes.count + component.count)
      bytes.append(contentsOf: component)
    }
  }

  /// The whole path, cleaned up: no leading, trailing or double slashes, no "." components.
  var tidy: ArraySlice<UInt8> { bytes[...] }
}
