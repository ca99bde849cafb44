import Automount
import Glibc
import Posix

/// What mounts the bucket when another system starts: a line of fstab or a unit.
struct RootMount {
  let root: SystemRoot
  let configuration: Configuration

  /// A configured mount.
  struct Found {
    var mount: MountTable.Mount
    /// The file that configures it.
    var place: HostPath
    /// The name of its unit, if it is one.
    var unit: String?

    var isOfS3fs: Bool {
      mount.type == "fuse.s3fs" || mount.source.starts(with: "s3fs#".utf8)
    }

    /// The value of an option; empty for one without a value.
    func value(of name: String) -> [UInt8]? {
      for option in mount.options {
        if option == name { return [] }
        if option.hasPrefix(name + "=") { return Array(option.utf8.dropFirst(name.utf8.count + 1)) }
      }
      return nil
    }
  }

  /// The images' folder and its parents, innermost first.
  private var folders: [HostPath] {
    var folders: [HostPath] = []
    guard var path = configuration.images.folder else { return [] }
    while path != .root {
      folders.append(path)
      path = path.parent
    }
    return folders
  }

  func find() throws -> Found? {
    let table = MountTable(table: try root.read(MountTable.path, limit: 1 << 20) ?? [])
    let units = RootUnits(root: root)
    for folder in folders {
      if let mount = table.mount(at: folder) { return Found(mount: mount, place: MountTable.path) }
      let unit = SetupFile.unitName(of: folder)
      guard let path = try units.path(of: unit) else { continue }
      // A link may lead to somebody else's file; then we know only that it exists.
      let text = (try? root.read(path, limit: 1 << 20)) ?? []
      let mount = MountTable.Mount(
        point: folder, type: Self.value(of: "Type", in: text),
        source: Array(Self.value(of: "What", in: text).utf8),
        options: Self.value(of: "Options", in: text).split(separator: ",").map(String.init))
      return Found(mount: mount, place: path, unit: unit)
    }
    return nil
  }

  /// The last value of a setting in a unit; empty if it is missing.
  private static func value(of key: String, in text: [UInt8]) -> String {
    var value = ""
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let parts = String(decoding: line, as: UTF8.self)
        .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.drop { $0 == " " } }
      if parts.count == 2, parts[0].prefix(while: { $0 != " " }) == key[...] {
        value = String(parts[1])
      }
    }
    return value
  }

  func checkups(_ found: Found?) throws -> [Checkup] {
    let topic = "bucket"
    guard let found else { return [try nothingMounts()] }
    let place = root.place(found.place).escapedName
    if let unit = found.unit {
      let units = RootUnits(root: root)
      guard try units.isEnabled(unit) else {
        return [
          .fail(
            topic, "\(place) does not start with the system", units.command("enable \(unit)"))
        ]
      }
    } else if found.mount.options.contains("noauto") {
      return [
        .fail(
          topic,
          "\(place) lists \(found.mount.point.escapedName) with noauto, so it is not mounted",
          "sudo editor \(root.place(found.place).shellWord)")
      ]
    }
    if found.unit == nil && found.mount.isLocal {
      return [
        .warn(
          topic,
          "\(found.mount.point.escapedName) holds the images, but is not a bucket in \(place):"
            + " \(Array(found.mount.type.utf8).escapedName)",
          "ignore this if the images are meant to lie on the machine")
      ]
    }
    let ok = Checkup.ok(topic, "\(place) mounts \(found.mount.point.escapedName) at the start")
    return [ok] + (found.isOfS3fs ? [try credentials(found)] : [])
  }

  private func nothingMounts() throws -> Checkup {
    let images = configuration.images.escapedName
    let table = root.place(MountTable.path)
    if let folder = configuration.images.folder, try root.openIfThere(folder) != nil {
      return .warn(
        "bucket", "nothing mounts \(images); it is a folder of the system itself",
        "ignore this if the images are meant to lie there")
    }
    return .fail(
      "bucket", "nothing mounts \(images): no line of \(table.escapedName), no unit",
      "sudo tee -a \(table.shellWord) < /usr/share/doc/autosquash/examples/fstab, then fill in"
        + " the bucket's name")
  }

  private static let standardCredentials: HostPath = "/etc/passwd-s3fs"

  /// Checks the keys with which s3fs signs its requests.
  private func credentials(_ found: Found) throws -> Checkup {
    let topic = "credentials"
    if let option = ["public_bucket", "iam_role", "ecs", "profile"].first(where: {
      found.value(of: $0) != nil
    }) {
      return .ok(topic, "the mount has the option \(option)")
    }
    let named = found.value(of: "passwd_file")
    let path = named.map { HostPath($0) } ?? Self.standardCredentials
    let place = root.place(path)
    guard path.isAbsolute, let status = try root.look(path), status.isRegular || status.isLink
    else {
      return .fail(
        topic,
        "\(place.escapedName) is missing, and the mount has none of the options"
          + " public_bucket, iam_role and passwd_file",
        "sudo install -m 600 \(Self.standardCredentials.escapedName) \(place.shellWord)")
    }
    if status.isLink {
      return .warn(
        topic, "\(place.escapedName) is a link; doctor does not follow it",
        "ls -lL \(place.shellWord)")
    }
    // Only the standard file may be readable by the group.
    guard status.st_mode & (named == nil ? 0o137 : 0o177) == 0 else {
      return .fail(
        topic,
        "\(place.escapedName) has mode \(UInt16(status.st_mode & 0o7777).asMode); s3fs rejects a file"
          + " that others can read", "sudo chmod 600 \(place.shellWord)")
    }
    return .ok(topic, "\(place.escapedName) is there, readable by root only")
  }
}
