import CLinux
import Glibc
public import Posix

/// mount(8)'s helper for the type in the lists: checks an image as the map does for an unlisted
/// name, and then has it mounted. So nobody waits forever for a hung bucket, and the log says why
/// an image does not mount.
///
/// The source has a word before the path; otherwise mount(8) itself would ask the bucket for it.
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
    guard arguments.count >= 3, arguments[1].starts(with: sourcePrefix) else {
      complain("is called by mount(8), with a source and a mount point")
      return failed
    }
    let image = HostPath(Array(arguments[1].dropFirst(sourcePrefix.count)))
    do {
      try look(at: image, Configuration.load())
    } catch {
      complain("\(error)")
      return failed
    }
    var options = Array("loop".utf8)
    if let index = arguments.firstIndex(of: Array("-o".utf8)), index + 1 < arguments.count {
      options += [UInt8(ascii: ",")] + arguments[index + 1]
    }
    let command = ["/bin/mount", "-i", "-n", "-t", "squashfs", "-o"].map { Array($0.utf8) }
    var words: [UnsafeMutablePointer<CChar>?] =
      (command + [options, image.bytes, arguments[2]]).map { $0.withCPath { strdup($0) } } + [nil]
    execv(words[0]!, &words)
    complain("\(SystemError("run", path: command[0]))")
    return failed
  }

  /// Makes sure that an image would mount.
  ///
  /// - Throws: `MapRefusal`; within the configured time if its file system hangs.
  private static func look(
    at image: HostPath, _ configuration: Configuration
  ) throws(MapRefusal) {
    guard let path = image.relative(to: configuration.images), !path.isRoot else {
      throw MapRefusal(.outside, image.bytes, "it is not in \(configuration.images.shortenedName)")
    }
    var isOpen = false
    func linger() { if isOpen { sleep(keepOpen) } }
    do {
      _ = try ForkedAnswer.ask(seconds: configuration.answerTimeout, afterwards: linger) {
        _ throws(MapRefusal) in
        do {
          let lookup = ImageLookup(
            configuration: configuration,
            check: ImageCheck(
              kernel: .ofThisMachine(state: configuration.state), mountsByKernel: true),
            folder: try ImageFolder(
              configuration.images, mayLeave: configuration.outsideLinks, staysOnDevice: false))
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
