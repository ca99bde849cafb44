import Glibc
public import Posix

/// The map's answer in the form for autofs.
public struct MapEntry: Equatable, Sendable {
  /// The line, without the newline.
  public let bytes: [UInt8]

  /// The mount of an image.
  ///
  /// The location is quoted as a whole, colon included. Inside the quotes autofs takes every byte
  /// literally; two bytes cannot be written in any form that all versions of autofs read: `"` and
  /// the newline.
  ///
  /// - Parameters:
  ///   - location: the absolute path of the image, without those two.
  ///   - mountType: who mounts it.
  public init?(mounting location: HostPath, type: MountType, options: [UInt8]) {
    guard Self.canQuote(location) else { return nil }
    var line = Array("-fstype=".utf8)
    switch type {
    case .loop: line += "squashfs,loop,".utf8
    case .fuse(let name): line += name + Array(",allow_other,".utf8)
    case .autosquash: line += MountProgram.type + [UInt8(ascii: ",")]
    }
    line += options + Array(" \":".utf8)
    if type == .autosquash { line += MountProgram.sourcePrefix }
    bytes = line + location.bytes + [UInt8(ascii: "\"")]
  }

  /// The mount of an image of a bucket through `MountProgram`.
  public init(askingToMount url: ImageURL, options: [UInt8]) {
    var line = Array("-fstype=".utf8) + MountProgram.type + [UInt8(ascii: ",")] + options
    line += Array(" \":".utf8) + MountProgram.sourcePrefix + url.encoded + [UInt8(ascii: "\"")]
    bytes = line
  }

  /// A folder: another level of autofs that asks the same map.
  ///
  /// - Parameter map: the absolute path of the map program.
  public init?(askingAgain map: HostPath) {
    guard Self.isPlain(map) else { return nil }
    bytes = Array("-fstype=autofs program:".utf8) + map.bytes
  }

  /// A folder, for a key.
  ///
  /// - Parameter map: the map program.
  public static func folder(_ map: HostPath, _ key: MapKey) throws(MapRefusal) -> MapEntry {
    guard let entry = MapEntry(askingAgain: map) else {
      throw MapRefusal(
        .machine, key.name.bytes,
        "the path of the map, \(map.shortenedName), may contain only letters, digits and ._-+")
    }
    return entry
  }

  /// Who does the mounting.
  public enum MountType: Equatable, Sendable {
    /// The kernel, through a loop device.
    case loop
    /// A FUSE program, such as `fuse.squashfuse`.
    case fuse([UInt8])
    /// `autosquash mount`.
    case autosquash

    /// The configured type on this machine.
    public init(_ configuration: Configuration) {
      switch configuration.fileSystem {
      case .squashfs: self = .loop
      case .fuse(let name): self = .fuse(name)
      case .autosquash: self = .autosquash
      case .automatic where configuration.images.bucket != nil: self = .autosquash
      case .automatic:
        self =
          access("/dev/loop-control", F_OK) == 0 ? .loop : .fuse(Array("fuse.squashfuse".utf8))
      }
    }
  }

  /// Whether autofs can read a path between quotation marks.
  public static func canQuote(_ path: some ByteString) -> Bool {
    !path.bytes.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == 0 }
  }

  /// Whether an absolute path needs no quoting in any map, including a master map.
  public static func isPlain(_ path: HostPath) -> Bool {
    path.isAbsolute && path.bytes.allSatisfy { isPlain($0) }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "/._-+".utf8.contains(byte)
    }
  }
}

extension MapEntry: WireCodable {
  public var wireBytes: [UInt8] { bytes }
  public init?(wireBytes: [UInt8]) { bytes = wireBytes }
}
