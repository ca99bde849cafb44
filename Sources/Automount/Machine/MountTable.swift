import CLinux
import Glibc
public import Posix

/// The mounts on this machine.
///
/// Layout of `/proc/self/mountinfo`: proc_pid_mountinfo(5).
public struct MountTable: Sendable {
  /// In mount order: a later one hides an earlier one at the same place.
  public let mounts: [Mount]

  /// One mount.
  public struct Mount: Equatable, Sendable {
    /// The number of its file system, "MAJOR:MINOR"; empty if it is not mounted yet.
    public var device: String
    /// The mount point.
    public var point: HostPath
    /// The type of file system, such as `fuse.s3fs`.
    public var type: String
    /// What is mounted: a device, or a file system's own name for itself.
    public var source: [UInt8]
    /// The options of the mount and of the file system.
    public var options: [String]

    public init(
      device: String = "", point: HostPath, type: String, source: [UInt8], options: [String]
    ) {
      self.device = device
      self.point = point
      self.type = type
      self.source = source
      self.options = options
    }
  }

  /// Reads this process's mount table.
  public static func current() throws(SystemError) -> MountTable {
    MountTable(parsing: try SmallFile.read("/proc/self/mountinfo", limit: 1 << 30))
  }

  init(parsing bytes: [UInt8]) {
    mounts = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6,
        fields.count >= dash + 4
      else { return nil }
      func options(_ field: ArraySlice<UInt8>) -> [String] {
        field.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
      }
      return Mount(
        device: String(decoding: fields[2], as: UTF8.self),
        point: HostPath(fields[4].decodingMountField),
        type: String(decoding: fields[dash + 1], as: UTF8.self),
        source: fields[dash + 2].decodingMountField,
        options: options(fields[5]) + options(fields[dash + 3]))
    }
  }

  /// The table of mounts for system startup.
  public static let path: HostPath = "/etc/fstab"

  /// Reads the mounts in the text of an fstab(5).
  public init(table bytes: [UInt8]) {
    mounts = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      guard fields.count >= 3, fields[0].first != UInt8(ascii: "#") else { return nil }
      let point = HostPath(Array(fields[1].decodingMountField.withoutTrailingSlashes))
      return Mount(
        device: "", point: point, type: String(decoding: fields[2], as: UTF8.self),
        source: fields[0].decodingMountField,
        options: fields.count == 3
          ? []
          : fields[3].split(separator: UInt8(ascii: ",")).map {
            String(decoding: $0, as: UTF8.self)
          })
    }
  }

  /// The topmost mount exactly at a path.
  public func mount(at path: HostPath) -> Mount? { mounts.last { $0.point == path } }

  /// The mount that holds a path, judging by names alone: follows no link in the path.
  public func mount(holding path: HostPath) -> Mount? {
    mounts.enumerated().filter { _, mount in
      path.isAtOrBelow(mount.point)
    }.max {
      ($0.element.point.bytes.count, $0.offset) < ($1.element.point.bytes.count, $1.offset)
    }?.element
  }
}

extension MountTable {
  /// A table without mounts, for a system that shows none.
  public static let none = MountTable(parsing: [])
}

extension MountTable.Mount {
  /// Whether it is neither FUSE nor a network mount, by the rules of fstab(5).
  public var isLocal: Bool { !type.hasPrefix("fuse") && !options.contains("_netdev") }

  /// Whether it is an image mounted by the kernel, by squashfuse or by "autosquash mount".
  public var isImage: Bool {
    type == "squashfs" || type.hasPrefix("fuse.squashfuse") || type == Self.ownType
  }

  /// The type of mounts by "autosquash mount".
  public static let ownType = "fuse.autosquash"

  /// Whether the program that served it has ended. The kernel may still know the folder's attributes.
  public var isDead: Bool { point.withCPath { clinux_mount_is_dead($0) } != 0 }
}
