public import Posix

/// The machine's settings: where the images are and how to mount them.
public struct Configuration: Equatable, Sendable {
  /// Where the images are; a path is absolute and has no slash at the end.
  public var images = ImagesPlace.folder("/mnt/s3fs/autosquash")
  /// How to reach them if they are in a bucket.
  public var bucket = BucketAccess()
  /// The folder under which autofs mounts them: likewise.
  public var mountRoot: HostPath = "/mnt/autosquash"
  /// The suffixes that a name may have, in the order to try them.
  public var suffixes = [
    Array(".squash".utf8), Array(".squashfs".utf8), Array(".sqfs".utf8), Array(".img".utf8),
  ]
  public var fileSystem = FileSystem.automatic
  /// The mount options, comma-separated, without `loop` and `fstype`.
  public var options = Array("ro,nosuid,nodev".utf8)
  /// Seconds until an unused image is unmounted.
  public var idleTimeout = 300
  /// Seconds the map may take to answer.
  public var answerTimeout = 10
  /// Whether folders of images become folders under the mount root.
  public var folders = true
  /// Whether to list all names, not only those in use.
  public var browse = true
  /// Whether symbolic links may lead out of the images' folder.
  public var outsideLinks = false
  /// The folder for this program's own data: the lists of the images.
  public var state: HostPath = "/var/lib/autosquash"
  /// The folder whose files appear as links in the file system.
  public var overlay: HostPath = "/mnt/s3fs/overlay"

  public init() {}

  /// Who mounts an image.
  public enum FileSystem: Equatable, Sendable {
    /// The kernel, or squashfuse if there are no loop devices.
    case automatic
    case squashfs
    /// A FUSE program: `fuse.squashfuse` or `fuse.squashfuse_ll`.
    case fuse([UInt8])
    /// This program.
    case autosquash
  }

  /// The path of the settings, unless `AUTOSQUASH_CONFIG` names another file.
  public static let standardPath: HostPath = "/etc/autosquash.conf"
}

/// An error in a configuration file.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public var path: HostPath
  /// Counted from 1; `nil` if it concerns the whole file.
  public var line: Int?
  public var text: String

  public var description: String {
    "\(path.escapedName):\(line.map { "\($0):" } ?? "") \(text)"
  }
}
