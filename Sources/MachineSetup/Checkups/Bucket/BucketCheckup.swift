import Automount
import Glibc
import Posix

/// The bucket: mounted, responding, with options that suit images; and every image in it.
struct BucketCheckup {
  let job: CatalogueJob
  let mounts: MountTable

  private var images: ImagesPlace { job.configuration.images }
  /// The most images to name one by one.
  private static let mostNamed = 20

  func mount(holding folder: HostPath) -> [Checkup] {
    guard let mount = mounts.mount(holding: folder), mount.type == "fuse.s3fs" else {
      return [
        .warn(
          "bucket",
          "\(folder.escapedName) is not on an s3fs mount"
            + (mounts.mount(holding: folder).map { ", but on \($0.type)" } ?? "")
            + "; that is right only if the images are meant to lie on this machine",
          "sudo autosquash recover")
      ]
    }
    var found: [Checkup] = []
    if mount.options.contains("allow_other") {
      found.append(.ok("bucket", "s3fs mounts it at \(mount.point.escapedName)"))
    } else {
      found.append(
        .warn(
          "bucket",
          "s3fs mounts it at \(mount.point.escapedName) for its own user only; images mount,"
            + " but an overlay cannot be read",
          "add the option allow_other to the mount"))
    }
    found.append(options(of: mount))
    return found
  }

  /// Whether users can read the targets of the overlay's links.
  func overlay() -> Checkup? {
    let path = job.configuration.overlay
    var status = stat()
    guard path.withCPath({ lstat($0, &status) }) == 0 else { return nil }
    if status.st_mode & 0o005 == 0o005 {
      return .ok("overlay", "users can read \(path.escapedName)")
    }
    return .warn(
      "overlay", "users cannot read \(path.escapedName), so its links do not work for them",
      "mount the bucket with the option umask=0022")
  }

  /// Checks the options of the s3fs process, which its mount does not show.
  private func options(of mount: MountTable.Mount) -> Checkup {
    let topic = "s3fs options"
    guard let arguments = BucketServer(of: mount)?.arguments else {
      return .ok(topic, "not visible from here, or not to this user")
    }
    let options = S3FSOptions(arguments: arguments)
    let (part, parallel) = (options.partSize, options.parallelCount)
    // s3fs reads ahead all its parts at once.
    guard part * parallel <= 20 else {
      return .warn(
        topic,
        "the first access to an image fetches up to \(part * parallel) MB (multipart_size=\(part),"
          + " parallel_count=\(parallel))",
        "mount with multipart_size=5,parallel_count=2: a fifth of the bytes, and no slower")
    }
    return .ok(topic, "multipart_size=\(part), parallel_count=\(parallel)")
  }

  /// The finding for an unreadable bucket.
  func failure(_ error: BucketError) -> Checkup {
    .fail(
      "images", "\(error)",
      error.code == EACCES
        ? "sudo autosquash doctor" : "sudo autosquash recover")
  }

  func images(_ catalogue: Catalogue) -> [Checkup] {
    let total = catalogue.images.count
    let bad = catalogue.images.filter { $0.problem != nil }
    if total == 0 {
      return [
        .warn(
          "images", "\(images.escapedName) holds no images",
          "upload one: autosquash upload my-tarball.squash s3://BUCKET/autosquash/")
      ]
    }
    var found = [
      Checkup.ok("images", "\(total - bad.count) of \(total) in \(images.escapedName) would mount")
    ]
    for folder in catalogue.unreadable {
      found.append(
        .warn(
          "images", "the folder \(folder.path.escapedName): \(folder.text)",
          "ls -l " + images.name(of: folder.path).shellWord))
    }
    for image in bad.prefix(Self.mostNamed) {
      found.append(
        .warn(
          "images", "\(image.file.escapedName) would not mount: \(image.problem!)",
          "autosquash verify " + images.name(of: image.file).shellWord))
    }
    if bad.count > Self.mostNamed {
      found.append(
        .warn("images", "\(bad.count - Self.mostNamed) more would not mount", "autosquash images"))
    }
    return found
  }

  /// Images that mount but that users cannot enter.
  func closed(_ roots: RootDirectories) -> [Checkup] {
    let closed = roots.modes.sorted { $0.key < $1.key }
    var found = closed.prefix(Self.mostNamed).map { file, mode in
      Checkup.warn(
        "images",
        "only root can enter \(file.escapedName): its top directory has mode \(mode.asMode)",
        "pack it again with --chmod a+rX, and upload it under a new name")
    }
    if closed.count > Self.mostNamed {
      found.append(
        .warn(
          "images", "only root can enter \(closed.count - Self.mostNamed) more", "autosquash images"
        ))
    }
    return found
  }
}
