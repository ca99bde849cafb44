import Automount
import Glibc
import HTTP
import ObjectStore
import Posix

/// The place in a bucket that an s3fs mount shows as the images' folder, and how to reach it
/// without s3fs.
struct MountedFolder {
  var bucket: String
  /// The beginning of the keys: empty, or with a slash at its end.
  var prefix: [UInt8]
  let s3fs: S3FSOptions

  var url: [UInt8] { Array("s3://\(bucket)/".utf8) + prefix }

  /// Finds it by the process that serves the mount, else by what mounts it at the start.
  ///
  /// - Returns: `nil` if s3fs does not serve the folder, or nothing says what it serves.
  static func find(_ configuration: Configuration, _ mounts: MountTable) -> MountedFolder? {
    guard let images = configuration.images.folder else { return nil }
    if let mount = mounts.mount(holding: images), mount.type == "fuse.s3fs",
      let arguments = BucketServer(of: mount)?.arguments
    {
      let options = S3FSOptions(arguments: arguments)
      return MountedFolder(
        source: source(in: arguments, mountedAt: mount.point)
          ?? Array((options["bucket"] ?? "").utf8),
        options, images.relative(to: mount.point))
    }
    guard let root = try? SystemRoot.running(),
      let found = try? RootMount(root: root, configuration: configuration).find(), found.isOfS3fs
    else { return nil }
    let options = S3FSOptions(found.mount.options.map { Array($0.utf8) })
    var source = found.mount.source[...]
    if source.starts(with: "s3fs#".utf8) { source = source.dropFirst(5) }
    return MountedFolder(
      source: options["bucket"].map { Array($0.utf8) } ?? Array(source), options,
      images.relative(to: found.mount.point))
  }

  /// The argument that names the bucket.
  private static func source(
    in arguments: [[UInt8]], mountedAt point: HostPath
  ) -> [UInt8]? {
    var isValue = false
    for argument in arguments.dropFirst() {
      defer { isValue = argument.elementsEqual("-o".utf8) }
      if !isValue, argument.first != UInt8(ascii: "-"), argument != point.bytes { return argument }
    }
    return nil
  }

  /// - Parameters:
  ///   - source: `BUCKET` or `BUCKET:/PATH`.
  ///   - folder: the images' folder below the mount point.
  private init?(source: [UInt8], _ options: S3FSOptions, _ folder: RelativePath?) {
    let name = source.prefix { $0 != UInt8(ascii: ":") }
    guard let folder, let place = try? ObjectLocation(parsing: Array("s3://".utf8) + name),
      case .bucket(let bucket, _) = place
    else { return nil }
    self.bucket = bucket
    s3fs = options
    let parts = [Array(source[name.endIndex...].dropFirst()), folder.bytes]
    prefix = parts.flatMap { part in
      part.split(separator: pathSeparator).flatMap { $0 + [pathSeparator] }
    }
  }

  /// The options for a store: those that the user gave, else those of the mount.
  func options(_ given: StoreOptions) -> StoreOptions {
    var options = given
    let (endpoint, region) = Self.server(s3fs["url"] ?? "")
    options.endpoint = given.endpoint ?? endpoint
    options.region =
      given.region
      ?? [s3fs["region"], s3fs["endpoint"], region].lazy.compactMap { $0 }
      .first(where: StoreOptions.isRegion)
    options.profile = given.profile ?? s3fs["profile"].flatMap { $0.isEmpty ? nil : $0 }
    if let isPublic = s3fs["public_bucket"], isPublic != "0" { options.signs = false }
    return options
  }

  /// What to do if only s3fs knows the keys; `nil` if they are not in a file of its own.
  var copyOfKeys: String? {
    guard ["public_bucket", "iam_role", "ecs", "profile"].allSatisfy({ s3fs[$0] == nil }) else {
      return nil
    }
    let file = s3fs["passwd_file"] ?? "/etc/passwd-s3fs"
    // It stands in quotation marks.
    guard Array(file.utf8).shellWord == file, stat(at: HostPath(file)) != nil else { return nil }
    // Its lines are KEY:SECRET or BUCKET:KEY:SECRET.
    let profile = "[default]\\naws_access_key_id = \\2\\naws_secret_access_key = \\3"
    return "s3fs's keys are where no other program looks; give root a copy: sudo sh -c \"umask 077;"
      + " mkdir -p ~/.aws; sed -nE 's/^(\(bucket):)?([^:]+):([^:]+)$/\(profile)/p' \(file)"
      + " | head -n 3 >>~/.aws/credentials\""
  }

  /// What a URL of s3fs means: a store of its own, or a region of AWS's.
  private static func server(_ url: String) -> (endpoint: String?, region: String?) {
    guard let parts = try? URLParts(url) else { return (nil, nil) }
    let host = parts.host.hasSuffix(".cn") ? String(parts.host.dropLast(3)) : parts.host
    guard host.hasSuffix(".amazonaws.com") else { return (url, nil) }
    let label = host.dropLast(".amazonaws.com".count)
    // Such as s3.eu-central-1, or s3-eu-central-1 in old documents.
    return (nil, label.hasPrefix("s3") && label.count > 3 ? String(label.dropFirst(3)) : nil)
  }
}
