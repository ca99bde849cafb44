import ArgumentParser
import Automount
import Glibc
import ImageMount
import Inputs
import ObjectStore
import Posix
import SquashFS
import Terminal

/// `autosquash mount`: an image as a folder, for any user.
struct Mount: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "mount",
    abstract: "Mount an image, as any user.",
    discussion: """
      The image appears in the folder DIR, read-only, until "autosquash unmount DIR". Files are read \
      and unpacked as programs ask for them. Only the user who mounts sees the files, unless \
      --allow-other is given.

      The command returns once the files are there. A process stays behind, which answers the \
      kernel; it has no rights beyond reading the image, and reports damage to the system's log.
      """)

  @OptionGroup var image: ImageArguments
  @OptionGroup(title: "Images in buckets") var distant: BucketMountOptions
  @Argument(help: ArgumentHelp("The folder on which to mount it.", valueName: "dir"))
  var folder: ByteArgument

  @Flag(help: "Let other users see the files, as their modes allow.") var allowOther = false
  @Flag(help: "Return only when the image is unmounted, and print messages.")
  var foreground = false
  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("Options as for mount(8), such as noexec.", valueName: "options"))
  var options: [ByteArgument] = []

  func validate() throws { try folder.refuseEmpty("a folder") }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    let name =
      RemoteObjects.isRemote(subject)
      ? RemoteObjects.shown(subject) : MountFolder.fromRoot(subject)
    let options = try MountOptions(source: name, allowsOthers: allowOther, options.map(\.bytes))
    let point: [UInt8]
    do throws(MountError) { point = try MountFolder.check(folder.bytes) } catch {
      return Messages.fail(folder.bytes, error)
    }
    var secret: (() -> [UInt8])?
    if RemoteObjects.isRemote(subject) && image.bucket.options.signs {
      secret = { [bucket = image.bucket.options] in DelegatedCredentials.find(bucket) }
    }
    return try MountProcesses.run(
      on: point, isForeground: foreground, secret: secret
    ) { secret, isReady in
      do {
        try serve(point, options, secret, isReady)
        return 0
      } catch let error as MountError {
        return Messages.fail(folder.bytes, error)
      } catch { return Messages.fail(subject, error) }
    }
  }

  /// Opens, mounts and answers, until a signal or the unmounting ends that.
  private func serve(
    _ point: [UInt8], _ options: MountOptions, _ secret: SecretChannel?, _ isReady: () -> Void
  ) throws {
    let log: @Sendable (String) -> Void = { [subject, foreground] line in
      if foreground {
        Messages.write(subject, line)
      } else {
        SystemLog.write("\(subject.escapedName): \(line)")
      }
    }
    if RemoteObjects.isRemote(subject) { try distant.apply(image.bucket, log: log) }
    let opened = try image.open()
    distant.startPrefetch(opened)
    let session = try FuseSession(options: options)
    let signals = EndingSignals()
    try FuseDevice.check()
    try session.mount(on: point)
    try Privileges.reduceToServing()
    if let secret { RemoteObjects.store.delegateCredentials { secret.ask() } }
    let mounted = try MountedImage(opened, log: log)
    try session.serve(mounted) { EndingSignals.send() }
    isReady()
    if !foreground { MountProcesses.detach() }
    signals.wait()
  }
}
