import Automount
import Posix

/// The units of systemd in another system.
struct RootUnits {
  let root: SystemRoot

  /// The folders of units, in the order systemd searches them. /lib may be a link to /usr/lib.
  private static let folders = [
    "/etc/systemd/system", "/usr/local/lib/systemd/system", "/lib/systemd/system",
    "/usr/lib/systemd/system",
  ]

  /// The path of a unit.
  func path(of unit: String) throws -> HostPath? {
    try root.firstFound(of: Self.folders.map { HostPath("\($0)/\(unit)") })
  }

  func isThere(_ unit: String) throws -> Bool { try path(of: unit) != nil }

  /// Whether a unit is started with the system.
  func isEnabled(_ unit: String) throws -> Bool {
    for folder in Self.folders {
      guard let opened = try? root.openIfThere(HostPath(folder)) else { continue }
      for name in try opened.names() {
        let text = String(decoding: name.bytes, as: UTF8.self)
        guard text.hasSuffix(".wants") || text.hasSuffix(".requires") else { continue }
        let link = HostPath(folder).appending(name).appending(Name(unchecked: Array(unit.utf8)))
        if try root.firstFound(of: [link]) != nil { return true }
      }
    }
    return false
  }

  /// A systemctl command for the system.
  func command(_ words: String) -> String {
    "sudo systemctl --root=\(root.place("").shellWord) \(words)"
  }
}
