import Glibc
import Posix

/// The environment's variables for stores, and where the user's configuration is. Its description
/// keeps their values, of which some are secrets.
package struct StoreEnvironment: Sendable, CustomStringConvertible, CustomReflectable {
  private let variables: [String: String]
  /// The user's home folder.
  package let home: String

  package init(_ variables: [String: String], home: String) {
    self.variables = variables
    self.home = home
  }

  /// That of this process.
  package static func current() -> StoreEnvironment {
    var variables: [String: String] = [:]
    var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
    while let line = next.pointee {
      next += 1
      let bytes = [UInt8](cString: line)
      guard bytes.starts(with: "AWS_".utf8), let end = bytes.firstIndex(of: UInt8(ascii: "="))
      else { continue }
      variables[String(decoding: bytes[..<end], as: UTF8.self)] =
        String(decoding: bytes[(end + 1)...], as: UTF8.self)
    }
    // Services may run without HOME.
    let home = getenv("HOME") ?? getpwuid(geteuid())?.pointee.pw_dir
    return StoreEnvironment(variables, home: home.map { String(cString: $0) } ?? "/")
  }

  /// A variable's value; an empty one counts as not set.
  package subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// Whether a variable says `true`.
  func isTrue(_ name: String) -> Bool { self[name]?.lowercased() == "true" }

  /// A path with `~` at its start for the home folder.
  func path(_ path: String) -> HostPath {
    path == "~" || path.hasPrefix("~/") ? HostPath(home + path.dropFirst()) : HostPath(path)
  }

  package var description: String { "\(variables.count) variables" }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
