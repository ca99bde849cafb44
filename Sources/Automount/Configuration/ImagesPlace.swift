public import Posix

/// Where the images are.
public enum ImagesPlace: Equatable, Sendable {
  /// A folder of this machine, such as one on a mount by s3fs.
  case folder(HostPath)
  /// A folder of a bucket, read without a mount of the bucket.
  case bucket(BucketFolder)

  /// As the settings write it.
  public var bytes: [UInt8] {
    switch self {
    case .folder(let path): path.bytes
    case .bucket(let folder): folder.url
    }
  }

  /// The folder of this machine, if it is one.
  public var folder: HostPath? {
    if case .folder(let path) = self { path } else { nil }
  }

  /// The folder of a bucket, if it is one.
  public var bucket: BucketFolder? {
    if case .bucket(let folder) = self { folder } else { nil }
  }

  /// The name of an image for people: a path or a URL.
  public func name(of image: RelativePath) -> [UInt8] {
    switch self {
    case .folder(let path): path.appending(image).bytes
    case .bucket(let folder): folder.url(of: image)
    }
  }

  public var escapedName: String { bytes.escapedName }

  /// For a message, at most about 300 characters.
  var shortenedName: String { HostPath(bytes).shortenedName }
}

/// A folder of a bucket.
public struct BucketFolder: Equatable, Sendable {
  /// `s3://BUCKET` or `s3://BUCKET/FOLDER`, without a slash at the end.
  public let url: [UInt8]

  public static let scheme = Array("s3://".utf8)

  /// - Returns: `nil` unless it begins with `s3://` and names a bucket, with nothing in it that a
  ///   line for autofs cannot carry.
  public init?(_ url: [UInt8]) {
    guard url.starts(with: Self.scheme), url.count < 1000 else { return nil }
    var clean = url
    while clean.last == pathSeparator { clean.removeLast() }
    let parts = clean.dropFirst(Self.scheme.count)
      .split(separator: pathSeparator, omittingEmptySubsequences: false)
    guard let bucket = parts.first, (3...63).contains(bucket.count),
      bucket.allSatisfy({ Self.isBucketByte($0) }),
      !parts.contains(where: {
        $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
      }),
      !clean.contains(where: { $0 < 0x20 || $0 == 0x7f })
    else { return nil }
    self.url = clean
  }

  /// The URL of an image in it.
  public func url(of image: RelativePath) -> [UInt8] { url + [pathSeparator] + image.bytes }

  private static func isBucketByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._-".utf8.contains(byte)
    }
  }
}

/// How to reach the images' bucket; what is `nil` comes from the environment and the configuration
/// files of the AWS tools.
public struct BucketAccess: Equatable, Sendable {
  /// The URL of a store other than Amazon's.
  public var endpoint: [UInt8]?
  public var region: [UInt8]?
  public var profile: [UInt8]?
  /// A file or folder of certificates to trust.
  public var caBundle: [UInt8]?
  /// Whether requests are signed; anyone may read a public bucket.
  public var signs = true
  /// The folder for what was read, or `none`.
  public var cache: [UInt8]?
  /// The most bytes in it, in the words of `autosquash mount`.
  public var cacheSize: [UInt8]?

  public init() {}

  /// The options of `autosquash mount` that say the same.
  var options: [[UInt8]] {
    var options: [[UInt8]] = []
    for (name, value) in [
      ("--endpoint-url", endpoint), ("--region", region), ("--profile", profile),
      ("--ca-bundle", caBundle), ("--cache", cache), ("--cache-size", cacheSize),
    ] {
      if let value { options += [Array("\(name)=".utf8) + value] }
    }
    return options + (signs ? [] : [Array("--no-sign-request".utf8)])
  }
}

extension Configuration {
  /// The options with which `autosquash mount` mounts an image of the bucket.
  var mountOptions: [[UInt8]] {
    bucket.options + [Array("--timeout=\(answerTimeout)".utf8)]
  }
}
