import Glibc
import Posix

/// Where this program's own parts are.
enum Installation {
  /// The program map: in `libexec` beside the folder of this program, else beside this program, as
  /// where it is built.
  static var map: [UInt8] {
    guard let path = program, let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
      return Array("/usr/libexec/autosquash/autosquash-map".utf8)
    }
    let folder = path[..<slash]
    let beside = folder + Array("/autosquash-map".utf8)
    guard folder.hasSuffix("/bin"), access(beside) == false else { return Array(beside) }
    return Array(folder.dropLast(4) + Array("/libexec/autosquash/autosquash-map".utf8))
  }

  /// This program.
  static var program: [UInt8]? {
    guard let resolved = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(resolved) }
    return [UInt8](cString: resolved)
  }

  private static func access(_ path: ArraySlice<UInt8>) -> Bool {
    Array(path).withCPath { Glibc.access($0, X_OK) } == 0
  }
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ text: String) -> Bool {
    suffix(text.utf8.count).elementsEqual(text.utf8)
  }
}
