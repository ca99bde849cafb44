import ArgumentParser
import Inputs
import ObjectStore
import Posix
import SquashFS
import Terminal
import Uploading

/// `autosquash upload`: images into a bucket, with proof.
struct Upload: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "upload",
    abstract: "Upload images into a bucket.",
    discussion: """
      Verifies each image, sends it, and reads its superblock and tables back. NAME.mtree and \
      NAME.html go up beside NAME.squash, and before it, if they are there and belong to it: who \
      sees an image sees its manifest. An image appears under its name only when it is complete; if \
      the upload fails, nothing is left in the bucket, or what is left is named.

      Nothing is replaced: an object with the same name is refused before anything is sent, and \
      again in the end. --force replaces exactly the object that was there in the beginning.

      Exit status: 0 uploaded; 1 refused: the name is taken, or the image is damaged; 2 a file or the \
      bucket could not be read or written.
      """)

  @Argument(
    help: ArgumentHelp(
      "Images, and where they go: a folder, s3://BUCKET/FOLDER/, or for one image s3://BUCKET/KEY.",
      valueName: "image ... destination"))
  var arguments: [ByteArgument]

  @Flag(name: [.short, .long], help: "Replace an existing object.")
  var force = false
  @Flag(
    help:
      "Skip an image if the bucket has it: an object of the same size, with its checksum or ETag.")
  var skipExisting = false
  @Flag(help: "Check only the tables of images before the upload.")
  var quick = false
  @Flag(help: "Do not check images; anything can be uploaded.")
  var noVerify = false
  @Option(help: "Number of threads that verify, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?
  @OptionGroup(title: "Objects") var object: ObjectOptions
  @OptionGroup(title: "Buckets") var bucket: BucketOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    guard arguments.count > 1 else {
      throw ValidationError("Name an IMAGE, and where it goes: s3://BUCKET/FOLDER/.")
    }
    for argument in arguments { try argument.refuseEmpty("an image or a destination") }
    for image in arguments.dropLast() where RemoteObjects.isRemote(image.bytes) {
      throw ValidationError(
        "'\(image.bytes.escapedName)' is not a file; aws s3 cp copies objects.")
    }
    if force && skipExisting {
      throw ValidationError("--force replaces objects, --skip-existing keeps them; give one.")
    }
    if quick && noVerify {
      throw ValidationError("--quick checks something, --no-verify nothing; give one.")
    }
    do throws(StoreError) {
      let destination = try self.destination
      if arguments.count > 2 && !destination.isFolder {
        throw StoreError(.invalid, "one key; several images need a folder, s3://BUCKET/FOLDER/")
      }
    } catch {
      throw ValidationError("'\(arguments[arguments.count - 1].bytes.escapedName)': \(error).")
    }
  }

  private var destination: UploadDestination {
    get throws(StoreError) { try UploadDestination(parsing: arguments[arguments.count - 1].bytes) }
  }

  func execute() throws -> Int32 {
    bucket.apply(isQuiet: messages.quiet)
    let report = UploadReport(messages)
    let images = arguments.dropLast().map(\.bytes)
    let destination = try self.destination
    let options = options(report)
    var status: Int32 = 0
    var uploads: [ImageUpload] = []
    // Check all before sending the first.
    for image in images {
      do {
        let upload = try ImageUpload(
          of: image, to: destination.location(of: image), in: RemoteObjects.store, options)
        if let other = uploads.first(where: { $0.url == upload.url }) {
          throw UploadError(
            image,
            StoreError(
              .exists,
              "\(other.image.escapedName) has the same name in the bucket; upload one of them alone"
            ))
        }
        uploads.append(upload)
      } catch { status = max(status, report.fail(image, error)) }
    }
    guard status == 0 else {
      if !uploads.isEmpty { Messages.write("nothing was uploaded") }
      return status
    }
    // From here on there is something to clean up.
    Interruption.watch()
    var done = 0
    for (index, upload) in uploads.enumerated() {
      do {
        try report.upload(upload)
        done += 1
      } catch  where Interruption.isRequested {
        report.interrupted(upload, error)
        Interruption.endIfRequested()
      } catch { status = max(status, report.fail(upload.image, error)) }
      if index < uploads.count - 1, Interruption.isRequested {
        Messages.write("interrupted; \(done) of \(uploads.count) images uploaded")
        Interruption.endIfRequested()
      }
    }
    return status
  }

  private func options(_ report: UploadReport) -> ImageUpload.Options {
    var options = ImageUpload.Options()
    options.object = object.options
    options.check = noVerify ? .none : quick ? .quick : .whole
    options.replaces = force
    options.skipsExisting = skipExisting
    options.threads = Process.threadCount(threads)
    options.partSize = object.partSize?.bytes
    options.warn = { report.warn($0, $1) }
    options.tellLeftover = { report.tellLeftover($0, $1) }
    if messages.showsProgress { options.progress = { ProgressBar.reporter(title: $0) } }
    return options
  }
}
