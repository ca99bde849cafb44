import CLinux
import Glibc
public import Posix

/// mount(8)'s helper for the type `autosquash`, which the lists use and a line of fstab may.
///
/// The source in a list has a word before the path; otherwise mount(8) itself would ask the bucket
/// for it. Such an image is checked as the map does for an unlisted name, and then mounted as the
/// settings say. So nobody waits forever for a hung bucket, and the log says why an image does not
/// mount. All other images, and those of buckets, are mounted by `autosquash mount`.
public enum MountProgram {
  /// The name under which mount(8) runs it, after "/sbin/".
  static let name: Name = "mount.autosquash"
  /// Where mount(8) looks for it.
  public static let path: HostPath = "/sbin/mount.autosquash"
  /// The type in a list.
  static let type = Array("autosquash".utf8)
  static let sourcePrefix = Array("autosquash:".utf8)

  /// How long an image stays open after the check, in seconds, as after the map's answer.
  private static let keepOpen: UInt32 = 5
  /// mount(8)'s exit status for a failed mount.
  private static let failed: Int32 = 32

  /// - Parameter arguments: from mount(8): the source, the mount point, options.
  /// - Returns: the exit status if there is nothing to mount; otherwise another program takes over.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    guard arguments.count >= 3 else {
      complain("is called by mount(8), with a source and a mount point")
      return failed
    }
    let (source, point) = (arguments[1], arguments[2])
    var options: [UInt8] = []
    if let index = arguments.firstIndex(of: Array("-o".utf8)), index + 1 < arguments.count {
      options = arguments[index + 1]
    }
    // From a line of fstab, or a person.
    guard source.starts(with: sourcePrefix) else { return mount(source, point, options, []) }
    let listed = Array(source.dropFirst(sourcePrefix.count))
    do {
      let configuration = try Configuration.load()
      if let url = ImageURL(encoded: listed) {
        return mount(url.bytes, point, options, configuration.mountOptions)
      }
      let image = HostPath(listed)
      try look(at: image, configuration)
      if MapEntry.MountType(configuration) == .autosquash {
        return mount(image.bytes, point, options, [])
      }
      return mountByKernel(image, point, options)
    } catch {
      complain("\(error)")
      return failed
    }
  }

  private static func mountByKernel(
    _ image: HostPath, _ point: [UInt8], _ options: [UInt8]
  ) -> Int32 {
    let command = ["/bin/mount", "-i", "-n", "-t", "squashfs", "-o"].map { Array($0.utf8) }
    let all = Array("loop".utf8) + (options.isEmpty ? [] : [UInt8(ascii: ",")] + options)
    return execute(command + [all, image.bytes, point])
  }

  /// Has `autosquash mount` mount an image.
  private static func mount(
    _ image: [UInt8], _ point: [UInt8], _ options: [UInt8], _ more: [[UInt8]]
  ) -> Int32 {
    guard let map = MapProgram.resolved else {
      complain("cannot find this program: /proc is not mounted")
      return failed
    }
    // mount(8) says "rw" unless it is told otherwise.
    var all = options.split(separator: UInt8(ascii: ",")).filter { !$0.elementsEqual("rw".utf8) }
    // Like any other file system that root mounts, it is for everybody.
    if geteuid() == 0 { all.append(Array("allow_other".utf8)[...]) }
    let list = Array(all.joined(separator: [UInt8(ascii: ",")]))
    let words = [MapProgram.main(beside: map).bytes, Array("mount".utf8)] + more
    return execute(
      words + (list.isEmpty ? [] : [Array("-o".utf8), list]) + [Array("--".utf8), image, point])
  }

  private static func execute(_ command: [[UInt8]]) -> Int32 {
    MapProgram.execute(command)
    complain("\(SystemError("run", path: command[0]))")
    return failed
  }

  /// Makes sure that an image would mount.
  ///
  /// - Throws: `MapRefusal`; within the configured time if its file system hangs.
  private static func look(
    at image: HostPath, _ configuration: Configuration
  ) throws(MapRefusal) {
    guard let images = configuration.images.folder,
      let path = image.relative(to: images), !path.isRoot
    else {
      throw MapRefusal(.outside, image.bytes, "it is not in \(configuration.images.shortenedName)")
    }
    var isOpen = false
    func linger() { if isOpen { sleep(keepOpen) } }
    do {
      _ = try ForkedAnswer.ask(seconds: configuration.answerTimeout, afterwards: linger) {
        _ throws(MapRefusal) in
        do {
          let byKernel = MapEntry.MountType(configuration) == .loop
          let lookup = ImageLookup(
            configuration: configuration, images: images,
            check: ImageCheck(
              kernel: byKernel ? .ofThisMachine(state: configuration.state) : KernelSupport(),
              mountsByKernel: byKernel),
            folder: try ImageFolder(
              images, mayLeave: configuration.outsideLinks, staysOnDevice: false))
          // The descriptor closes with the process.
          _ = try lookup.open(path).release()
          isOpen = true
          return true
        } catch {
          let text = (error as? MapRefusal)?.text ?? "cannot read it: \(error)"
          throw MapRefusal(.unmountable, path.bytes, text)
        }
      }
    } catch {
      throw MapRefusal(error, from: configuration, key: path.bytes)
    }
  }

  private static func complain(_ text: String) {
    MapProgram.complain(text, as: "mount.autosquash")
    // autofs does not log what mount(8) says, unless it runs in verbose mode.
    clinux_log("mount.autosquash", text)
  }
}
