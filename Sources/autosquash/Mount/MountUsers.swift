import Glibc
import Posix

/// The programs that use a mount, as far as this user may see.
enum MountUsers {
  /// The most programs to name.
  private static let most = 5

  /// - Returns: each as its name and its process, "bash (1234)".
  static func find(_ path: [UInt8]) -> [String] {
    let mount = HostPath(path)
    var found: [String] = []
    for process in names(in: "/proc") where process.allSatisfy({ (48...57).contains($0) }) {
      let folder = Array("/proc/".utf8) + process
      let links = [folder + Array("/cwd".utf8), folder + Array("/root".utf8)]
      let files = folder + Array("/fd".utf8)
      let descriptors = names(in: files).map { files + [pathSeparator] + $0 }
      let isUser = (links + descriptors + [folder + Array("/exe".utf8)]).contains { link in
        readLink(link).map { HostPath($0).isAtOrBelow(mount) } ?? false
      }
      guard isUser else { continue }
      let name = (try? SmallFile.read(HostPath(folder + Array("/comm".utf8)), limit: 4096)) ?? []
      found.append(
        "\(name.filter { $0 != UInt8(ascii: "\n") }.escapedName) (\(process.escapedName))")
      if found.count == most { break }
    }
    return found
  }

  private static func names(in folder: String) -> [[UInt8]] { names(in: Array(folder.utf8)) }

  private static func names(in folder: [UInt8]) -> [[UInt8]] {
    guard let stream = folder.withCPath({ opendir($0) }) else { return [] }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { [UInt8](cString: $0) }
      }
      if name.first != UInt8(ascii: ".") { names.append(name) }
    }
    return names
  }
}
