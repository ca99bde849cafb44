public import Posix

/// The settings of the machine: where the images lie and how they are mounted.
public struct Configuration: Equatable, Sendable {
  /// The folder with the images, an absolute path without a slash at its end.
  public var images: HostPath = "/mnt/s3fs/autosquash"
  /// The folder under which autofs mounts them, likewise.
  public var mountRoot: HostPath = "/mnt/autosquash"
  /// What a name may end in, in the order in which the endings are tried.
  public var suffixes = [
    Array(".squash".utf8), Array(".squashfs".utf8), Array(".sqfs".utf8), Array(".img".utf8),
  ]
  public var fileSystem = FileSystem.automatic
  /// The mount options, separated by commas, without `loop` and `fstype`.
  public var options = Array("ro,nosuid,nodev".utf8)
  /// Seconds after which an image that nobody uses is unmounted.
  public var idleTimeout = 300
  /// Seconds the map may take to answer.
  public var answerTimeout = 10
  /// Whether folders among the images are folders under the mount root.
  public var folders = true
  /// Whether all names are listed, and not only those in use.
  public var browse = true
  /// Whether symbolic links may lead out of the folder with the images.
  public var outsideLinks = false
  /// The folder for what this program keeps: the lists of the images.
  public var state: HostPath = "/var/lib/autosquash"
  /// The folder whose files appear as links in the file system.
  public var overlay: HostPath = "/mnt/s3fs/overlay"

  public init() {}

  /// What mounts an image.
  public enum FileSystem: Equatable, Sendable {
    /// The kernel, or squashfuse where there are no loop devices.
    case automatic
    case squashfs
    /// A program of FUSE: `fuse.squashfuse` or `fuse.squashfuse_ll`.
    case fuse([UInt8])
  }

  /// Where the settings are, unless `AUTOSQUASH_CONFIG` names another file.
  public static let standardPath: HostPath = "/etc/autosquash.conf"
}

/// What is wrong with a configuration file.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public var path: HostPath
  /// Counted from 1; `nil` where the whole file is meant.
  public var line: Int?
  public var text: String

  public var description: String {
    "\(path.escapedName):\(line.map { "\($0):" } ?? "") \(text)"
  }
}
